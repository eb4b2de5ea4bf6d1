"""Learner, loaders, callbacks and augmentations."""
