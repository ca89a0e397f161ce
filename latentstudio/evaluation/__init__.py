"""Whole-model scores for tables."""
