"""Progress of grids.

The few things about every run that this takes are read quickly, whatever the runs left.
"""

from typing import TYPE_CHECKING

from sqlalchemy import select

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
            *(epochs_planned(), Run.updated),
        )
        .join(Setup, Setup.id == Run.setup_id)
        .join(Dataset, Dataset.fingerprint == Run.dataset)
        .outerjoin(GridRun, GridRun.run_id == Run.run_id)
        .outerjoin(Grid, Grid.id == GridRun.grid_id)
        .order_by(Run.position)
    )
    with catalog.transaction() as tx:
        table = pd.DataFrame(tx.execute(query).all(), columns=list(COLUMNS))
    table["grid"] = table["grid"].fillna("")
    return table.astype({"epochs_planned": int, "updated": "datetime64[us, UTC]"})
