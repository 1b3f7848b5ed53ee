"""Quality: what is wrong with data."""
