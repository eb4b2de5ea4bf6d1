"""What the data must be like before training."""
