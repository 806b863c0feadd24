"""Stands in for OmniIsaacGymEnvs where there is no checkout of it: the names and the order of calls, no code of it."""
