"""Differences between two runs: what was asked, what trained them, what came out."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from landlab_mgr.catalog.queries import Queries
from landlab_mgr.catalog.records import RunRecord
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN, Columns
from landlab_mgr.spec.run import RunSpec

ENVIRONMENT = ("host", "device", "mode")


@dataclass(frozen=True)
class Difference:
    """One field in which two runs differ; None where a run has no such thing.

    `part` is run, dataset, spec, weights, code or environment; `field` is dotted as in a grid's file.
    """

    part: str
    field: str
    a: Any
    b: Any


@dataclass(frozen=True)
class Comparison:
    """Two runs, all in which they differ, and their skill side by side.

    `metrics` has a row for each split and variable: split, variable, a, b, and `b - a`; flat R2. `not_attempted`
    holds the ids of those that nobody tried yet: nothing is known of their code and environment.
    """

    a: RunRecord
    b: RunRecord
    differences: tuple[Difference, ...]
    metrics: Columns
    not_attempted: tuple[str, ...]


def compare(catalog: Queries, a: str, b: str) -> Comparison:
    """Compare two runs by the starts of their ids; of several attempts at a run, the last counts.

    LandlabError where an id is unknown or ambiguous, or both are the same run.
    """
    first, second = catalog.run(a), catalog.run(b)
    if first.run_id == second.run_id:
        raise LandlabError(f"{a!r} and {b!r} are the same run; give two, see `landlab ls`")
    attempts = [_rows(catalog.attempts_columns(run.run_id)) for run in (first, second)]
    differences = [
        *_of("run", _progress(first, attempts[0]), _progress(second, attempts[1])),
        *_of("dataset", _dataset(first), _dataset(second)),
        *_of("spec", _settings(first.spec), _settings(second.spec)),
        *_of("weights", first.spec.weights, second.spec.weights),
    ]
    if all(attempts):
        last, other = (rows[-1] for rows in attempts)
        differences += _of("code", _code(last), _code(other))
        differences += _of("environment", _environment(last), _environment(other))
    return Comparison(
        first,
        second,
        tuple(differences),
        _skill(catalog, first.run_id, second.run_id),
        tuple(run.run_id for run, rows in zip((first, second), attempts, strict=True) if not rows),
    )


def flattened(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one of dotted names."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def _of(part: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Difference]:
    for field in dict.fromkeys((*a, *b)):
        if a.get(field) != b.get(field):
            yield Difference(part, field, a.get(field), b.get(field))


def _progress(run: RunRecord, attempts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"state": run.state, "epochs": run.epochs, "attempts": len(attempts)}


def _dataset(run: RunRecord) -> dict[str, Any]:
    return {"name": run.dataset_name, "fingerprint": run.dataset}


def _settings(spec: RunSpec) -> dict[str, Any]:
    """Return the specification without its dataset and weights.

    Those are compared as such.
    """
    return flattened(spec.complete(exclude={"dataset", "loss_weights"}))


def _code(attempt: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "commit": attempt["git_commit"],
        "uncommitted changes": attempt["dirty_hash"],
    }


def _environment(attempt: Mapping[str, Any]) -> dict[str, Any]:
    return {n: attempt[n] for n in ENVIRONMENT} | flattened({"versions": attempt["versions"]})


def _rows(columns: Columns) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _skill(catalog: Queries, a: str, b: str) -> Columns:
    skills: list[dict[tuple[str, int], float]] = [
        {
            (row["variable"], SEEN.index(row["split"])): row["value"]
            for row in _rows(catalog.metrics_columns(run_id))
            if row["statistic"] == "R2" and row["level"] == "flat"
        }
        for run_id in (a, b)
    ]
    keys = sorted({*skills[0], *skills[1]})
    one, other = ([skill.get(key, math.nan) for key in keys] for skill in skills)
    return {
        "variable": [variable for variable, _ in keys],
        "split": [SEEN[place] for _, place in keys],
        "a": one,
        "b": other,
        "b - a": [y - x for x, y in zip(one, other, strict=True)],
    }
