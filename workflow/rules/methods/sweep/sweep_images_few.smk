use rule train from training as train_sweep_images_few with:
    wildcard_constraints:
        method="sweep_images_few",
