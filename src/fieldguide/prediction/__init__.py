"""Prediction as a command and as a service: which files, their answers, and how they are printed."""
