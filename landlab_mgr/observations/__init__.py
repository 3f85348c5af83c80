"""Observations, and how models are compared with them."""
