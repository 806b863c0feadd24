use rule train from training as train_maze_added with:
    wildcard_constraints:
        method="maze_added",
