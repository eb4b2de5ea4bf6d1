"""Sweeps, comparing runs, and showing a batch."""
