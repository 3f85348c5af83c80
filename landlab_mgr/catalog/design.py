"""A grid's design against what became of it: every cell that it asks for, and the state of its run."""

from typing import TYPE_CHECKING, Any

from landlab_mgr.catalog.queries import Queries, frame
from landlab_mgr.records import Columns

if TYPE_CHECKING:
    import pandas as pd

UNREGISTERED = "unregistered"
"""State of a cell without a run. Registration is one transaction, so that none has it unless a catalog is damaged."""


def cells(catalog: Queries, name: str) -> "pd.DataFrame":
    """Tabulate the cells of a registered grid, a row each, in the order they run.

    Columns: setup (predictor groups), variant (what the axes set, "" without axes), seed, run_id, state. Runs that
    an earlier form of the grid asked for are not among them. LandlabError where no grid has that name.
    """
    return frame(cells_columns(catalog, name))


def cells_columns(catalog: Queries, name: str) -> Columns:
    """Tabulate as `cells`."""
    spec = catalog.grid(name).spec
    states = catalog.states(spec.name)
    variants = [", ".join(f"{f} = {_text(v)}" for f, v in variant.items()) for variant in spec.variants]
    cells = list(spec.identities(catalog.dataset(spec.dataset).fingerprint))
    return {
        "setup": [label for _, _, label, _ in cells],
        "variant": [variants[variant] for _, variant, _, _ in cells],
        "seed": [seed for seed, _, _, _ in cells],
        "run_id": [run_id for _, _, _, run_id in cells],
        "state": [states.get(run_id, UNREGISTERED) for _, _, _, run_id in cells],
    }


def former(catalog: Queries, name: str) -> list[str]:
    """Return runs that a grid holds and its present form no longer asks for.

    They are in order of registration.
    """
    wanted = set(cells_columns(catalog, name)["run_id"])
    return [run_id for run_id in catalog.states(name) if run_id not in wanted]


def _text(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
