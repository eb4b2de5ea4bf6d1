"""Metrics, baselines, robustness, and the page about them."""
