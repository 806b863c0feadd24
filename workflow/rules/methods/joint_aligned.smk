use rule train from training as train_joint_aligned with:
    wildcard_constraints:
        method="joint_aligned",
