"""Importers: other people's files made into datasets, and what importers share. One line for whatever is wrong."""
