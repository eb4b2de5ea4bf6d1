"""Out-of-domain detectors, p-values, label doubts, near duplicates and the review queue."""
