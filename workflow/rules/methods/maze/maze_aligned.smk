use rule train from training as train_maze_aligned with:
    wildcard_constraints:
        method="maze_aligned",
