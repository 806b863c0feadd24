"""What a run leaves behind: where its files are, what is in them, and where they came from."""
