use rule train from training as train_joint_penalty with:
    wildcard_constraints:
        method="joint_penalty",
