"""Published experiments, run again: each entry is one function in a table, its verdict computed from its numbers."""
