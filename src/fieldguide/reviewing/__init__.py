"""What a person asks and decides about single pictures."""
