"""Architectures, training, prediction."""
