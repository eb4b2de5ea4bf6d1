"""The colours of all charts."""

BLUE, ORANGE, GREY = "#2a6fb0", "#d9822b", "#8a8f8c"
GREEN, RED = "#3a8f4f", "#c23b3b"
