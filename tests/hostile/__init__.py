"""Corpora of hostile input, made anew from code, and what is right for each of their cases: `make test-hostile`."""
