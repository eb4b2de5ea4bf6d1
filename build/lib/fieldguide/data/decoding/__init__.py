"""From untrusted bytes to an upright RGB picture, within bounds on memory and time."""
