"""Finding, deciding about and explaining single pictures."""
