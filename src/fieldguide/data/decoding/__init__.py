"""From a stranger's bytes to an upright RGB picture, within bounds on memory and time."""
