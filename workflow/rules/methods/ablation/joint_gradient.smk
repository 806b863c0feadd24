use rule train from training as train_joint_gradient with:
    wildcard_constraints:
        method="joint_gradient",
