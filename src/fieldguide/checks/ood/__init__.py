"""Out of domain: whether a new picture is like those that the classifier has seen, and if not, in which way."""
