use rule train from training as train_sweep_penalty_high with:
    wildcard_constraints:
        method="sweep_penalty_high",
