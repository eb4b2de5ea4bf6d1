"""Adopting the choices of a run, and reproducing it."""
