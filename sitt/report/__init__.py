"""Table 1, Figure 3 and the report, each a function of the database alone."""
