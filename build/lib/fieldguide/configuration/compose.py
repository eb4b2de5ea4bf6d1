"""Composing with every operation loaded, so that all of the configuration is validated."""

import fieldguide.data.resizing
import fieldguide.data.sources
import fieldguide.screening.detectors
import fieldguide.training.augmentations  # noqa: F401 - each registers its operations
from fieldguide.base.compose import compose, store_primary_config, validate

__all__ = ["compose", "store_primary_config", "validate"]
