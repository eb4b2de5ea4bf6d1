"""HTML pages that need no network, their parts, and figures of any kind."""
