"""One module a kind of data source; each writes labelled pictures into a folder and returns the raw table."""
