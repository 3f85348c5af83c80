"""Analyses: what was computed from which runs, and the evidence that they still are what they were."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from landlab_mgr.catalog.columns import join_float
from landlab_mgr.catalog.events import happened
from landlab_mgr.catalog.records import AnalysisRecord
from landlab_mgr.catalog.register import require_runs
from landlab_mgr.catalog.session import Database, among, upsert
from landlab_mgr.catalog.tables import Analysis, AnalysisRun, Artifact, Metric, Run
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN


class Analyses(Database):
    """Results and where they come from."""

    def record_analysis(self, analysis: AnalysisRecord, evidence: Mapping[str, str]) -> None:
        """Catalogue a result with the runs that it used; one with the same id takes the new path, hash and size.

        `evidence` is by run_id, as `evidence()` gives it. LandlabError for unknown runs, or for another analysis
        under the same id.
        """
        row = asdict(analysis) | {"options": plain(analysis.options), "created": datetime.now(UTC)}
        row["environment"] = plain(analysis.environment)
        with self.transaction(write=True) as tx:
            require_runs(tx, evidence)
            known = tx.execute(select(*_COLUMNS).where(Analysis.id == analysis.id)).one_or_none()
            if known is not None:
                same = ("name", "filter")  # and the options, but for the defaults of newer ones
                used = select(AnalysisRun.run_id).where(AnalysisRun.analysis_id == analysis.id)
                if any(getattr(known, k) != row[k] for k in same) or {*tx.scalars(used)} != evidence.keys():
                    raise LandlabError(
                        f"analysis {analysis.id} is catalogued as another {known.name}, of {known.created:%Y-%m-%d}; "
                        "its id must be the hash of its name, options, filter and runs"
                    )
                row["created"] = known.created
            upsert(tx, Analysis, ["id"], [row])
            used_rows = [
                {"analysis_id": analysis.id, "run_id": run_id, "evidence": hash_}
                for run_id, hash_ in evidence.items()
            ]
            upsert(tx, AnalysisRun, ["analysis_id", "run_id"], used_rows)
            happened(tx, "analysis", id=analysis.id, name=analysis.name, runs=len(evidence))

    def analyses(self, name: str | None = None) -> list[AnalysisRecord]:
        """All results, or those of one analysis; oldest first."""
        query = select(*_COLUMNS).order_by(Analysis.created, Analysis.id)
        if name is not None:
            query = query.where(Analysis.name == name)
        with self.transaction() as tx:
            return [AnalysisRecord(**row) for row in tx.execute(query).mappings()]

    def analysis(self, id: str) -> AnalysisRecord:
        """Return the result whose id starts so; LandlabError if there is none or several."""
        found = [a for a in self.analyses() if id and a.id.startswith(id)]
        if len(found) == 1:
            return found[0]
        problem = "starts several ids" if found else "is the id of no analysis"
        there = ", ".join(f"{a.id} ({a.name})" for a in found[:4]) or "see `landlab analyse`"
        raise LandlabError(f"{id!r} {problem}; {there}")

    def evidence_of(self, id: str) -> dict[str, str]:
        """Return the runs that an analysis used, each with its evidence at the time."""
        query = select(AnalysisRun.run_id, AnalysisRun.evidence).where(AnalysisRun.analysis_id == id)
        with self.transaction() as tx:
            return {row.run_id: row.evidence for row in tx.execute(query.order_by(AnalysisRun.run_id))}

    def evidence(
        self, run_ids: Sequence[str], splits: Sequence[str] = SEEN, kinds: Sequence[str] = ()
    ) -> dict[str, str]:
        """SHA-256 of each run's metrics of some splits, and of its files of some kinds: equal while they are.

        Ids that are not there are left out.

        It tells nothing of the values, so that it looks at no split in the sense of `metrics`.
        """
        key = (Metric.split, Metric.variable, Metric.statistic, Metric.level)
        known = select(Run.run_id)
        rows = select(Metric.run_id, *key, Metric.value, Metric.kind).where(Metric.split.in_(splits))
        with self.transaction() as tx:
            seen: dict[str, list[tuple[str, ...]]] = {
                run_id: [] for run_id in tx.scalars(known.where(among(tx, Run.run_id, run_ids)))
            }
            for run_id, *place, value, kind in tx.execute(
                rows.where(among(tx, Metric.run_id, run_ids))
            ).all():
                exact = join_float(value, kind).hex() if kind == "finite" else kind
                seen[run_id].append((*place, exact))
            files = select(Artifact.run_id, Artifact.kind, Artifact.sha256).where(Artifact.kind.in_(kinds))
            for file in tx.execute(files.where(among(tx, Artifact.run_id, run_ids))) if kinds else ():
                seen[file.run_id].append(("artifact", file.kind, file.sha256))
        return {run_id: _sha256(sorted(seen[run_id])) for run_id in run_ids if run_id in seen}


_COLUMNS = tuple(Analysis.__table__.columns)


def plain(content: Mapping[str, Any]) -> dict[str, Any]:
    """Content as JSON gives it back; LandlabError where JSON cannot hold it, such as NaN."""
    try:
        return dict(json.loads(json.dumps(dict(content), allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise LandlabError(f"{content!r} cannot be stored as JSON: {error}; give text for it") from None


def _sha256(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()
