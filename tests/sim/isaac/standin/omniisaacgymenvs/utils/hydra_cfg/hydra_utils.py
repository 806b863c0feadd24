"""OIGE registers resolvers here; the stand-in's files use none."""
