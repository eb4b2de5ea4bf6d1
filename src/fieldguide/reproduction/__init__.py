"""Adopting the choices of a run and making it again."""
