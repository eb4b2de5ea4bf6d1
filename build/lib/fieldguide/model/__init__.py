"""Networks, weights, inference, features and fingerprints."""
