"""`python -m tests.bench analysis` in miniature: what it makes through the catalog can be analysed."""

import numpy as np
import pytest

from tests.bench import analysis

pytestmark = pytest.mark.slow


def test_every_pixel_is_partitioned(tmp_path):
    times = list(analysis._of_every_pixel(tmp_path, pixels=2000, kept=2))
    assert [(t.name, t.failure) for t in times] == [("partition_map", ""), ("pca", ""), ("mapcompare", "")]
    assert [t.runs for t in times] == [32, 2, 2]
    assert all(t.pixels == 2000 and np.isfinite(t.seconds) for t in times)


def test_members_are_explained(tmp_path):
    few = {"pixels": "10", "background": "4", "parameters": "lcma"}
    found = analysis.of_predictors(tmp_path, few, patches=10)
    assert (found.name, found.runs, found.pixels, found.failure) == ("shap", 5, 80, "")
    assert found.cpu_seconds > 0
