"""Training: one loop for all model families, recipes in TOML, runs that can be interrupted and continued."""
