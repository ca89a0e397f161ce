"""Widgets that show and change one thing each; panels put them together."""
