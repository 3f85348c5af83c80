"""Trained members applied."""
