"""Analyses of ensembles: one file each; compute(...) -> xarray.Dataset, figure(dataset) -> Figure."""
