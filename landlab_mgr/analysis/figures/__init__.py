"""Figures of analyses, one module each."""
