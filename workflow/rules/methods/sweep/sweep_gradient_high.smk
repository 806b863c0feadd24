use rule train from training as train_sweep_gradient_high with:
    wildcard_constraints:
        method="sweep_gradient_high",
