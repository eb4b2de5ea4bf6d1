"""Logging runs to MLflow."""
