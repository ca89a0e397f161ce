"""Panels: what stands in a dock of the main window."""
