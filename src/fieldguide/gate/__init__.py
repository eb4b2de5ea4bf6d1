"""Whether a new model may take over: challenger against champion, on the same pictures, which neither has seen."""
