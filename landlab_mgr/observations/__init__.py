"""What is observed, and how models are compared with it."""
