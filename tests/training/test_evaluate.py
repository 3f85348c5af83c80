"""What a member is scored on beside its skill."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from landlab_mgr.models.dalec.tables import TABLES
from landlab_mgr.observations import metrics
from landlab_mgr.training import evaluate

NAN = np.nan


def share(model, observed, lcma, label):
    lai = metrics.moments(np.array(model, float), np.array(observed, float))
    ds = xr.Dataset({"lai": (("time", "pixel"), np.array(observed, float))})
    member = SimpleNamespace(label=np.array(label), patch=np.arange(len(label)))
    moments = {("lai", "observation"): lai}
    prediction = evaluate.Prediction({"lcma": np.array(lcma, float)}, {}, {}, np.array([], int), {}, moments)
    scores = evaluate._scores(SimpleNamespace(tables=TABLES), ds, member, prediction)
    found = [m for m in scores if m.statistic == "collapsed"]
    return [(m.split, m.variable, m.statistic, m.level, m.value) for m in found]


def test_collapsed_is_the_share_of_leafy_training_pixels_left_bare():
    # five training pixels: bare, leafy, thin leaves of much carbon, a desert, never observed; and a bare dev pixel
    model = [[0.01, 2.0, 0.05, 0.0, 0.0, 0.0], [0.03, 2.0, 0.05, 0.0, 0.0, 0.0]]
    observed = [[1.0, 2.0, 1.0, 0.1, NAN, 1.0], [1.0, 2.0, NAN, 0.1, NAN, 1.0]]
    lcma = [50, 50, 100, 50, 50, 50]
    label = ["train"] * 5 + ["dev"]
    # leaf carbon 1, 100 and 5 gC m-2 at those with leaves
    assert share(model, observed, lcma, label) == [
        ("train", "lai", "collapsed", "spatial", pytest.approx(1 / 3))
    ]


def test_no_pixel_with_leaves_is_no_share():
    assert share([[0.0]], [[0.1]], [50], ["train"]) == []
