"""The scheduled job: what arrived becomes a new model where there is reason to, and the evidence decides what it is."""
