"""What a model is, and each one."""
