"""Learner, loaders, callbacks, schedules and augmentations."""
