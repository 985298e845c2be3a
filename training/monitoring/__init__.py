"""A bundle after its training: what has changed for it since, and whether to train again."""
