"""Checks: expectations about tables, their consequences, and Data Docs."""
