"""Progress of grids.

The few things about every run that this takes are read quickly, whatever the runs left.
"""

from typing import TYPE_CHECKING

from sqlalchemy import DateTime, select, type_coerce

from landlab_mgr.catalog.queries import epochs_planned
from landlab_mgr.catalog.session import Database
from landlab_mgr.catalog.tables import Dataset, Grid, GridRun, Run, Setup

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("run_id", "grid", "state", "label", "seed", "dataset", "epochs", "epochs_planned", "updated")


def progress(catalog: Database) -> "pd.DataFrame":
    """Every run in every grid that holds it, in order of registration, a row each; `grid` is "" for one in none.

    Columns: run_id, grid (name), state, label, seed (init), dataset (name), epochs, epochs_planned, updated.
    """
    import pandas as pd

    query = (
        select(
            *(Run.run_id, Grid.name, Run.state, Setup.label, Run.seed_init, Dataset.name, Run.epochs),
            *(epochs_planned(), type_coerce(Run.updated, DateTime)),
        )
        .join(Setup, Setup.id == Run.setup_id)
        .join(Dataset, Dataset.fingerprint == Run.dataset)
        .outerjoin(GridRun, GridRun.run_id == Run.run_id)
        .outerjoin(Grid, Grid.id == GridRun.grid_id)
        .order_by(Run.position)
    )
    with catalog.transaction() as tx:
        rows = tx.execute(query).all()
    columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)  # rows one by one take twice as long
    table = pd.DataFrame({name: list(values) for name, values in zip(COLUMNS, columns, strict=True)})
    table["grid"] = table["grid"].fillna("")
    # at once, as one by one takes longer than the query; those without a zone are in UTC
    table["updated"] = pd.to_datetime(table["updated"], utc=True).astype("datetime64[us, UTC]")
    return table.astype({"epochs_planned": int})
