"""The gate: what a new model must show before its roll-out."""
