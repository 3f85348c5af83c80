"""One directory of work."""
