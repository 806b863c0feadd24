"""SITT-bench: the reproducible benchmark of Student-Informed Teacher Training."""
