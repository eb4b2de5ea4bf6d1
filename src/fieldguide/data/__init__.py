"""Pictures and tables: where they come from, how they are opened, which go together."""
