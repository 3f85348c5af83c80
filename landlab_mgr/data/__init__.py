"""Datasets: their schema, the store that holds them, splits, checks, predictors and importers."""
