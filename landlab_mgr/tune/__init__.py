"""Tuning loss weights: trials are runs, drawn by Optuna, scored on dev, trained by the driver."""

from landlab_mgr.tune.search import promote, search
from landlab_mgr.tune.summary import Summary, summarise
from landlab_mgr.tune.trials import TrialRecord

__all__ = ["Summary", "TrialRecord", "promote", "search", "summarise"]
