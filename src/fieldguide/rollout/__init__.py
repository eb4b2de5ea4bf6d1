"""Versions of the classifier in MLflow's registry, and their way from challenger to champion and back."""
