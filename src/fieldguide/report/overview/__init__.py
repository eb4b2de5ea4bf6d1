"""The page that tells everything in short: what came in, what was found, how good the classifier is."""
