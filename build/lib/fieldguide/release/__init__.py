"""Registered versions of the classifier, the gate and the roll-out."""
