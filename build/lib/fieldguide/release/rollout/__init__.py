"""The roll-out: the steps from challenger to champion."""
