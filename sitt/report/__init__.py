"""Table 1 and Figure 3, functions of the database alone; Figure 2 and videos, of single runs; the report of all."""

SMOKE_LABEL = "SMOKE TEST: these numbers mean nothing"
"""On every artefact of a smoke test."""
