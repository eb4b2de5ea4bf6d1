"""How good a classifier is: figures, confidence, shifts, baselines, and the page that joins them."""
