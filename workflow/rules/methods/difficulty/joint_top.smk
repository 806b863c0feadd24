use rule train from training as train_joint_top with:
    wildcard_constraints:
        method="joint_top",
