"""The learning phases: roll-out, policy update, alignment, and imitation of a finished teacher."""
