use rule train from training as train_sweep_images_many with:
    wildcard_constraints:
        method="sweep_images_many",
