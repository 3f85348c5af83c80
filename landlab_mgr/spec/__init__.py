"""Specifications of runs, grids and studies, and their identities."""
