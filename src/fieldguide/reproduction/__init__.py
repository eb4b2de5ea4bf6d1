"""Finding a recorded run, taking its choices over, and making it again."""
