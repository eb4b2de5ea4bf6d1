"""fieldguide in Python: classifiers, predictions and runs as a notebook shows them."""
