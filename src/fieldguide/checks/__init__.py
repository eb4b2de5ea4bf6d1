"""Expectations about tables, what follows from them, and Data Docs."""
