"""Configuration: its schema, its composition, and what is said when it is wrong."""
