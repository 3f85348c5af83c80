"""`landlab bench`: the figures it prints hang together. What they are is for a quiet machine to say."""

import json
import os

import pytest

from tests.cli.command import landlab, refused

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def figures():
    done = landlab(
        *("bench", "train", "--pixels", 6, "--steps", 13, "--members", 2, "--updates", 3, "--json")
    )
    return json.loads(done.stdout)


def test_train_reports_rates_that_agree(figures):
    assert [row["members"] for row in figures] == [2]
    for row in figures:
        work = row["pixels"] * row["steps"] * row["members"]
        assert row["training_pixel_steps_per_s"] == pytest.approx(work * 1e3 / row["update_ms"])
        assert row["fastest_update_ms"] <= row["update_ms"]
        assert row["updates_per_s"] == pytest.approx(1e3 / row["update_ms"])
        assert row["forward_pixel_steps_per_s"] > 0
        assert row["compile_seconds"] > 0.1
        assert 0.1 < row["peak_memory_gb"] < 20
        minutes = 164_040 * 168 * 199 / row["training_pixel_steps_per_s"] / 60
        assert row["paper_run_minutes"] == pytest.approx(minutes)


def test_scaling_compares_workers_with_arithmetic():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.fail("the gate has two cores")
    arguments = ("bench", "scaling", "--pixels", 6, "--months", 12, "--seconds", 0.3, "--rounds", 5, "--json")
    [row] = json.loads(landlab(*arguments).stdout)
    assert row["worker_rate"] > 0
    assert row["ratio"] == pytest.approx(row["worker_gain"] / row["arithmetic_gain"])
    assert 0.3 < row["arithmetic_gain"] < 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--members", "0"), "'0'; allowed: numbers above 0"),
        (("--process", "water_stress=sqrt"), "unknown water_stress process 'sqrt'"),
        (("--process", "sqrt"), "--process 'sqrt'; allowed: a kind of process and a choice, KIND=NAME"),
        (("--process", "root=sqrt"), "process: model 'dalec' has no process 'root'; known: water_stress"),
    ],
)
def test_mistakes_are_one_line(arguments, says):
    assert says in refused("bench", "train", *arguments)
