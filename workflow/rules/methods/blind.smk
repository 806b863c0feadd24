use rule train from training as train_blind with:
    wildcard_constraints:
        method="blind",
