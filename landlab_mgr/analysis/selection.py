"""Selection of the members of each setup of a grid that are kept. JAX-free.

They are ranked on train or dev, and recorded with all candidates.
"""

from typing import Any

import numpy as np
import pandas as pd

from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.design import UNREGISTERED, cells
from landlab_mgr.catalog.records import EnsembleRecord, MemberRecord
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.records import SEEN
from landlab_mgr.spec.run import WITHOUT_DEV

LOSSES = ("train_loss", "dev_loss")
"""Of the epoch that a member is, per pixel and weighted, so that members with other training pixels compare."""
HIGHER_IS_BETTER = ("r", "r2", "R2")
LOWER_IS_BETTER = ("rmse", "mae")
LEVELS = ("flat", "spatial", "temporal")
COLLAPSED_SHARE = 0.05
"""Share of dead pixels above which a member is dropped; one without the metric is not judged by it."""
USELESS_FACTOR = 5.0
"""Training loss, in units of the lowest of the setup, above which a member is dropped: it learned nothing."""


def select(
    catalog: Catalog,
    grid: str,
    keep: int = 10,
    by: str = "train_loss",
    fewer: bool = False,
    name: str | None = None,
    paper: bool = False,
) -> EnsembleRecord:
    """Keep the best members of every setup of a grid, as ensemble `grid@1`, and `grid@2` the next time.

    Every run of the grid is a candidate: it is kept, or dropped for a reason on record.

    Args:
        catalog: open for writing.
        grid: name of a registered grid.
        keep: members of each setup.
        by: train_loss, dev_loss, or a metric on train or dev such as dev.gpp.R2.
        fewer: whether setups with fewer good members than `keep` may have what there is.
        name: instead of `grid@version`.
        paper: the published protocol: rank alone decides, whether members are collapsed or useless.

    Raises:
        LandlabError: for an unknown grid, `by` on test or withheld, a setup with too few members, or a name that is
            taken.
    """
    if keep < 1:
        raise LandlabError(f"--keep {keep}; allowed: 1 or more members of each setup")
    lower = _is_loss(by) or by.split(".")[2] in LOWER_IS_BETTER
    found = _candidates(catalog, grid, by, lower, paper)
    left = found[found["reason"].isna()].groupby(["setup", "variant"]).size()
    setups = found.groupby(["setup", "variant"], sort=False).size().index
    short = {_named(*s): int(left.get(s, 0)) for s in setups if left.get(s, 0) < keep}
    if short and (not fewer or not any(left)):
        few = ", ".join(f"{name} {n}" for name, n in list(short.items())[:4]) + (
            ", ..." if len(short) > 4 else ""
        )
        raise LandlabError(
            f"{len(short)} of {len(setups)} setups have fewer than {keep} members to keep ({few}); "
            f"`landlab run --grid {grid}`, or keep fewer with --keep or --fewer"
        )
    place = found["rank"] > keep
    of = found.groupby(["setup", "variant"])["rank"].transform("size").astype(str)
    dropped = place & found["reason"].isna()
    found.loc[dropped, "reason"] = "rank " + found["rank"].astype(str) + " of " + of + f", {keep} kept"
    rule: dict[str, Any] = {"grid": grid, "keep": keep, "by": by, "fewer": fewer}
    if paper:
        rule |= {"protocol": "paper"}
    else:
        rule |= {"collapsed_share": COLLAPSED_SHARE, "useless_factor": USELESS_FACTOR}
    members = [
        MemberRecord(r.run_id, int(r.rank), float(r.score), None if pd.isna(r.reason) else str(r.reason))
        for r in found.itertuples()
    ]
    versions = [e.name.rpartition("@")[2] for e in catalog.ensembles() if e.name.rpartition("@")[0] == grid]
    name = name or f"{grid}@{1 + max(map(int, filter(str.isdigit, versions)), default=0)}"
    return catalog.create_ensemble(name, rule, f"grid = '{grid}'", members)


def table(catalog: Catalog, ensemble: EnsembleRecord) -> pd.DataFrame:
    """Every candidate, a row each: setup, variant, seed, rank, score, kept, reason, run_id."""
    design = cells(catalog, str(ensemble.rule["grid"])).set_index("run_id")
    rows = [vars(m) | {"kept": m.kept} for m in ensemble.members]
    frame = pd.DataFrame(rows).join(design[["setup", "variant", "seed"]], on="run_id")
    order = {run_id: i for i, run_id in enumerate(design.index)}
    first = frame.groupby(["setup", "variant"])["run_id"].transform(lambda ids: min(order[i] for i in ids))
    frame = frame.assign(first=first).sort_values(["first", "rank"]).reset_index(drop=True)
    return frame[["setup", "variant", "seed", "rank", "score", "kept", "reason", "run_id"]]


def splits_differ(catalog: Catalog, ensemble: EnsembleRecord) -> bool:
    """Return whether candidates of a setup have splits of their own, so that a rank compares these too."""
    specs = catalog.specs([m.run_id for m in ensemble.members])
    drawn = {s.seeds.split for s in specs.values() if s.split.kind not in WITHOUT_DEV}
    return len(drawn) > 1


def _is_loss(by: str) -> bool:
    """Return whether it is a loss.

    LandlabError where it is no metric either, or one that must not choose.
    """
    if by in LOSSES:
        return True
    split, *rest = by.split(".")
    statistics = (*HIGHER_IS_BETTER, *LOWER_IS_BETTER)
    if split not in SEEN and split in ("test", "withheld"):
        raise LandlabError(
            f"--by {by}: selection on {split} is refused, it judges what is selected; choose by train or dev"
        )
    if (
        split in SEEN
        and len(rest) in (2, 3)
        and rest[1] in statistics
        and rest[2:] in ([], *([x] for x in LEVELS))
    ):
        return False
    raise LandlabError(
        f"--by {by}; allowed: {', '.join(LOSSES)}, or <train|dev>.<variable>.<{'|'.join(statistics)}>[.<level>]"
    )


def _candidates(catalog: Catalog, grid: str, by: str, lower: bool, paper: bool) -> pd.DataFrame:
    """Return the design's cells with `score`, `rank` within the setup, and `reason`.

    There is a `reason` where they cannot be kept.
    """
    design = cells(catalog, grid)
    design = design[design["state"] != UNREGISTERED].reset_index(drop=True)
    runs = catalog.runs(f"grid = '{grid}'").set_index("run_id").loc[design["run_id"]].reset_index()
    losses = catalog.member_losses(list(design["run_id"])).reset_index(drop=True)
    design["score"] = losses[by] if by in LOSSES else _metric(catalog, grid, by.split("."), design["run_id"])
    dropped = {} if paper else _useless(design, runs["state"], losses["train_loss"])
    dropped |= {} if paper else _collapsed(catalog, grid, design["run_id"])
    design["reason"] = [
        _reason(state, outcome, message, score) or dropped.get(run_id)
        for run_id, state, outcome, message, score in zip(
            design["run_id"], runs["state"], runs["outcome"], runs["message"], design["score"], strict=True
        )
    ]
    order = design.assign(
        out=design["reason"].notna(), value=design["score"] if lower else -design["score"]
    ).sort_values(["out", "value", "seed"])
    design["rank"] = order.groupby(["setup", "variant"]).cumcount().add(1)
    return design


def _metric(catalog: Catalog, grid: str, key: list[str], run_ids: pd.Series) -> np.ndarray:
    rows = catalog.metrics_of(f"grid = '{grid}'", *key)
    return rows.set_index("run_id")["value"].reindex(run_ids).to_numpy(float)


def _collapsed(catalog: Catalog, grid: str, run_ids: pd.Series) -> dict[str, str]:
    """Reason to drop each collapsed run, by run_id; the model of a run says when it is."""
    reasons: dict[str, str] = {}
    models = {run_id: spec.model for run_id, spec in catalog.specs(list(run_ids)).items()}
    for model in dict.fromkeys(models.values()):
        collapse = registry.tables(model).collapse
        if collapse is None:
            continue
        of_model = run_ids[run_ids.map(models) == model]
        shares = _metric(catalog, grid, list(collapse.metric), of_model)
        for run_id, share in zip(of_model, shares, strict=True):
            if share > COLLAPSED_SHARE:
                reasons[run_id] = f"collapsed: {share:.0%} of the pixels without {collapse.meaning}"
    return reasons


def _useless(design: pd.DataFrame, states: pd.Series, losses: pd.Series) -> dict[str, str]:
    """Reason to drop each completed run whose training loss is far above the lowest of its setup, by run_id."""
    completed = losses.where(states == "completed")
    best = completed.groupby([design["setup"], design["variant"]]).transform("min")
    far = completed > USELESS_FACTOR * best
    return {
        run_id: f"useless: training loss {loss:.3g}, {loss / least:.1f} times the lowest of the setup"
        for run_id, loss, least in zip(design["run_id"][far], completed[far], best[far], strict=True)
    }


def _reason(state: str, outcome: Any, message: Any, score: float) -> str | None:
    if state == "failed":
        return f"failed: {outcome}: {message}"
    if state != "completed":
        return f"incomplete: {state}"
    if not np.isfinite(score):
        return "no score"
    return None


def _named(setup: str, variant: str) -> str:
    return f"{setup} ({variant})" if variant else setup
