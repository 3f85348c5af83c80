"""Locations of files, and how they are written."""
