"""The scheduled retraining job."""
