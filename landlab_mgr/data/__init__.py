"""Datasets: their schema, the store that holds them, checks, splits, predictors, batches, and the twin planet."""
