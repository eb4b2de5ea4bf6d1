"""Videos: frames at equal distances, each a picture with its time."""
