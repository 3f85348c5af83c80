"""landlab_mgr: ensembles of differentiable land-model experiments, catalogued, trained and analysed."""

__version__ = "0.1.0"
