"""A grid's design against what became of it: every cell that it asks for, and the state of its run."""

import itertools
from typing import Any

import pandas as pd

from landlab_mgr.catalog.queries import Queries

UNREGISTERED = "unregistered"
"""State of a cell without a run. Registration is one transaction, so that none has it unless a catalog is damaged."""


def cells(catalog: Queries, name: str) -> pd.DataFrame:
    """The cells of a registered grid, a row each, in the order in which they run.

    Columns: setup (predictor groups), variant (what the axes set, "" without axes), seed, run_id, state. Runs that
    an earlier form of the grid asked for are not among them. LandlabError where no grid has that name.
    """
    spec = catalog.grid(name).spec
    runs = catalog.outline(f"grid = '{spec.name}'")
    states = dict(zip(runs["run_id"], runs["state"], strict=True))
    places = itertools.product(spec.seed_list, spec.variants, spec.predictor_sets)
    rows = []
    for (seed, variant, _), cell in zip(
        places, spec.expand(catalog.dataset(spec.dataset).fingerprint), strict=True
    ):
        run_id = cell.run_id
        text = ", ".join(f"{field} = {_text(value)}" for field, value in variant.items())
        rows.append((cell.label, text, seed, run_id, states.get(run_id, UNREGISTERED)))
    return pd.DataFrame(rows, columns=["setup", "variant", "seed", "run_id", "state"])


def former(catalog: Queries, name: str) -> list[str]:
    """Runs that a grid holds and its present form no longer asks for, in order of registration."""
    wanted = set(cells(catalog, name)["run_id"])
    return [run_id for run_id in catalog.outline(f"grid = '{name}'")["run_id"] if run_id not in wanted]


def _text(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
