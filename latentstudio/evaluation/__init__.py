"""Scores of whole models for tables: distances between sets, precision and recall, speed. None is here yet."""
