"""Members being trained."""
