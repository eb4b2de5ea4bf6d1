"""reports/index.html and the summary on the terminal."""
