"""Pictures and tables: data sources, opening and cleaning, duplicates, splits, tables."""
