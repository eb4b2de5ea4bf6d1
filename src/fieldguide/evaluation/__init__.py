"""Figures of merit, baselines, robustness, and the page about them."""
