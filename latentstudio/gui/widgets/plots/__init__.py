"""One view per kind of result; pyqtgraph is reached through `surface` alone, and only when a plot is shown."""
