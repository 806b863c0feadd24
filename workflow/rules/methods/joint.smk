use rule train from training as train_joint with:
    wildcard_constraints:
        method="joint",
    # First of all: the imitators wait for it.
    priority: 2
