"""Recipes, running them, and figures that carry them."""
