"""Predicting and screening new pictures, the log of predictions, export and serving."""
