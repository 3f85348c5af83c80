"""Tuning loss weights: trials are runs, drawn by Optuna, trained by the driver, judged on dev.

`search` runs a study; `summary` tells of it and names its weights, without JAX.
"""
