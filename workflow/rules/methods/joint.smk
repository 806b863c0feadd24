use rule train from training as train_joint with:
    wildcard_constraints:
        method="joint",
