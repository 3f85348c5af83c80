"""One HTML page about a grid or an ensemble, for people without the app: every analysis, and where it comes from.

The page stands alone: figures are in it, nothing is loaded, nothing runs. Results that are catalogued with the same
evidence and the same code are taken as they are, others are computed. JAX-free but for analyses that are not.
"""

import base64
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jinja2
import pandas as pd

from landlab_mgr import __version__, analysis
from landlab_mgr.analysis import Result, selection, trace
from landlab_mgr.analysis.base import Ensemble, completed
from landlab_mgr.analysis.contract import Analysis
from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.design import cells
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN
from landlab_mgr.spec import fields
from landlab_mgr.storage import figures, provenance
from landlab_mgr.storage.location import check_place, replace_durably
from landlab_mgr.workspace.display import text
from landlab_mgr.workspace.workspace import Workspace

TEMPLATE = Path(__file__).with_name("report.html")
SUFFIXES = (".html", ".htm")
FIRST = ("partition", "partition_map", "skill")
"""Analyses that readers ask for first; the others follow by name."""
REASONS = {"rank": "ranked lower"}
"""Reasons for which candidates are dropped, in words; others as the selection says."""
LONG = 20
"""Tables of more rows are folded."""


@dataclass(frozen=True)
class Table:
    """Cells as text; `numeric` says which columns stand to the right."""

    columns: list[str]
    rows: list[list[str]]
    numeric: list[bool]

    @property
    def is_long(self) -> bool:
        """True if it would push what follows out of sight."""
        return len(self.rows) > LONG


@dataclass(frozen=True)
class Section:
    """One result as the page shows it; `image` is a data URI of a PNG that `landlab trace` can explain."""

    name: str
    title: str
    summary: str
    image: str
    table: Table
    notes: list[str]
    about: dict[str, str]
    commands: list[str]
    runs: list[str]
    reused: bool
    numbers: Table | None = None
    """Numbers beside those of a paper."""


@dataclass(frozen=True)
class Missing:
    """An analysis that the page lacks, and why; `broken` where landlab is at fault."""

    name: str
    why: str
    broken: bool = False


@dataclass(frozen=True)
class Report:
    """Findings for a page."""

    title: str
    head: dict[str, str]
    synthetic: bool
    overview: Table
    sections: list[Section] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    overview_title: str = "runs"
    summary: Table | None = None
    """Of each variable the best setup on dev, and CONTROL."""
    settings: Table | None = None
    """Fields of the specification that are not at their default, or differ among the runs."""


def check_target(path: str | Path) -> Path:
    """Return where a page is wanted; LandlabError where none can be written.

    It is raised before anything is computed.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise LandlabError(f"{path}: a report is a web page; give it the ending .html")
    return check_place(path)


def file_name(name: str) -> str:
    """Return a file name for the report about a grid or ensemble."""
    return f"report-{re.sub(r'[^A-Za-z0-9@._-]+', '_', name)}.html"


def gather(
    workspace: Workspace,
    catalog: Catalog,
    grid: str | None = None,
    ensemble: str | None = None,
    test: bool = False,
    without: Sequence[str] = (),
    tell: Callable[[str], None] = lambda line: None,
) -> Report:
    """Every analysis of the completed runs of a grid, or of the kept members of an ensemble.

    What is about one setup is asked of the one with the most predictor groups. Held-back splits are read, and this
    is counted, only with `test`. Analyses named in `without` are left out.

    LandlabError unless one of grid and ensemble is named and has completed runs, and for unknown analyses.
    """
    if (grid is None) == (ensemble is None):
        raise LandlabError("name one: --grid GRID or --ensemble ENSEMBLE")
    for name in without:
        analysis.find(name)
    if ensemble is not None:
        catalog.ensemble(ensemble)
    filter = "" if ensemble is None else f"ensemble = {quoted(ensemble)}"
    whole = Ensemble.select(workspace, catalog, filter, grid)
    sections: list[Section] = []
    missing: list[Missing] = []
    every = sorted(analysis.registry().items(), key=lambda item: item[0] not in FIRST)
    for number, (name, one) in enumerate(every, 1):
        if name in without:
            missing.append(Missing(name, "left out on request"))
            continue
        for options in _questions(one, test):
            tell(f"{number} of {len(every)}: {name}{''.join(f' {k}={v}' for k, v in options.items())}")
            held_back = {*one.needs(analysis.options_of(one, options)).splits} - {*SEEN}
            if held_back and not test:
                missing.append(
                    Missing(name, f"it reads {' and '.join(sorted(held_back))}; --test shows it, counted")
                )
                continue
            try:
                sections.append(section_of(workspace, ask(whole, name, options)))
            except LandlabError as error:
                missing.append(Missing(name, str(error)))
            except Exception as error:  # a page with one analysis less is more use than none
                missing.append(Missing(name, f"{type(error).__name__}: {error}", broken=True))
    return Report(
        title=f"Grid {grid}" if grid else f"Ensemble {ensemble}",
        head=head_of(whole) | rule_of(catalog, ensemble),
        synthetic=whole.synthetic,
        summary=table_of(_summary(whole)),
        settings=table_of(_settings(whole)),
        overview=table_of(_of_grid(catalog, grid) if grid else _of_ensemble(catalog, str(ensemble))),
        sections=sections,
        missing=missing,
    )


def html(report: Report) -> str:
    """Render the page.

    Whatever came from a catalog is text in it, never markup.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(report=report)


def write(report: Report, path: str | Path) -> None:
    """Write the page whole or not at all; LandlabError where it cannot be written."""
    path, content = check_target(path), html(report)
    try:
        replace_durably(path, lambda temporary: temporary.write_text(content, encoding="utf-8"))
    except OSError as error:
        raise LandlabError(f"cannot write {path}: {error.strerror or error}; name another place") from None


# --- what is asked ----------------------------------------------------------------------------------


def _questions(one: Analysis, test: bool) -> list[dict[str, str]]:
    """Options of each section of an analysis: its defaults, and the test side where there is one and it is wanted."""
    sides = one.options.model_fields.keys() & {"split"} if test else ()
    return [{}, *({"split": "test"} for _ in sides)]


def ask(whole: Ensemble, name: str, options: Mapping[str, str]) -> Result:
    """Ask for an analysis of these runs.

    Where it is about one setup, it is of those with the most predictor groups.
    """
    ask_of = partial(analysis.run, whole.workspace, whole.catalog, name, options=options, reuse=True)
    try:
        return ask_of(whole.filter)
    except LandlabError as error:
        if str(error) != _several_setups(whole):
            raise
    return ask_of(whole.of_fullest_setup())


def _several_setups(ensemble: Ensemble) -> str | None:
    """Return what an analysis of one setup says, if it refuses these runs."""
    try:
        ensemble.one_setup()
    except LandlabError as error:
        return str(error)
    return None


def quoted(name: str) -> str:
    """Return a name as filters quote it."""
    return "'" + name.replace("'", "''") + "'"


# --- how it is shown --------------------------------------------------------------------------------


def section_of(workspace: Workspace, result: Result) -> Section:
    """Draw a result, and tell where it comes from."""
    record, made = result.record, result.provenance
    with TemporaryDirectory() as directory:
        path = Path(directory) / f"{record.name}.png"
        result.save_figure(path)
        image = base64.b64encode(path.read_bytes()).decode()
        commands = trace.commands(figures.read(path), f"{record.name}.png", workspace)
    chosen = {k: v for k, v in record.options.items() if v != result.analysis.options.model_fields[k].default}
    split = record.options.get("split")
    about = {
        "analysis": f"{record.name} {record.id}",
        "options": ", ".join(f"{k}={v}" for k, v in record.options.items() if v != "") or "none",
        "filter": record.filter or "every completed run",
        "datasets": ", ".join(f"{d['name']} ({d['fingerprint']}, {d['kind']})" for d in made["datasets"]),
        "code": _code(made["code"]),
        "computed": f"{record.created:%Y-%m-%d %H:%M} UTC, taken from the catalog"
        if result.reused and record.created
        else f"{made['created']}, for this page",
        "result": f"{record.path} (sha256 {record.sha256[:16]})",
    }
    return Section(
        name=record.name,
        title=record.name.replace("_", " ") + (f", {split}" if split and "split" in chosen else ""),
        summary=result.analysis.summary,
        image=f"data:image/png;base64,{image}",
        table=table_of(result.analysis.table(result.dataset)),
        notes=[line for line in str(result.dataset.attrs.get("notes", "")).splitlines() if line],
        about=about,
        commands=commands,
        runs=list(made["runs"]),
        reused=result.reused,
    )


def table_of(frame: pd.DataFrame) -> Table:
    """Return the cells of a frame as text."""
    numeric = [
        pd.api.types.is_numeric_dtype(frame[c]) and not pd.api.types.is_bool_dtype(frame[c]) for c in frame
    ]
    rows = [[text(value) for value in row] for row in frame.itertuples(index=False)]
    return Table([str(c) for c in frame.columns], rows, numeric)


def head_of(whole: Ensemble) -> dict[str, str]:
    """Return the data, the runs, the looks at held-back skill, and the code."""
    catalog, used = whole.catalog, set(whole.runs["dataset"])
    datasets = [d for d in catalog.datasets() if d.name in used]
    reads = catalog.test_reads()
    return {
        "data": "; ".join(f"{d.name}: {d.n_pixels} pixels, {d.n_months} steps, {d.source}" for d in datasets),
        "runs": f"{len(whole.runs)} completed, of {whole.runs['label'].nunique()} predictor sets",
        "held back": f"test and withheld skill has been read {reads} time{'s' * (reads != 1)} in this catalog",
        "made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC by landlab {__version__}, "
        f"{_code(provenance.code()._asdict())}",
    }


def _summary(whole: Ensemble) -> pd.DataFrame:
    """Tabulate, for each variable, the setup of the highest mean R2 on dev with its spread over seeds, and CONTROL."""
    metrics = whole.catalog.metrics_array(completed(whole.filter), SEEN)
    if not metrics.size or "R2" not in metrics["statistic"]:
        return pd.DataFrame(columns=["variable"])
    split = "dev" if bool(metrics.sel(split="dev").notnull().any()) else "train"
    chosen = metrics.sel(split=split, statistic="R2")
    scores = pd.DataFrame(chosen.values, columns=[str(v) for v in chosen["variable"].values])
    by_setup = scores.groupby(metrics["setup"].values, sort=False).agg(["mean", "std", "count"])
    rows = []
    for variable in scores:
        of = by_setup[variable].dropna(subset="mean")
        if of.empty:
            continue
        several = of[of["count"] >= of["count"].max() / 2]  # one lucky seed is no best setup
        best = several["mean"].idxmax()
        row: dict[str, Any] = {
            "variable": variable,
            "best setup": best,
            f"R2 on {split}": of.loc[best, "mean"],
        }
        row |= {"sd over runs": of.loc[best, "std"], "runs": int(of.loc[best, "count"])}
        control = [name for name in of.index if name.partition(",")[0] == "CONTROL"]
        rows.append(row | ({"R2 of CONTROL": of.loc[control, "mean"].max()} if control else {}))
    return pd.DataFrame(rows)


def _settings(whole: Ensemble) -> pd.DataFrame:
    """Tabulate the fields of the runs' specifications that are not at their default, or differ among them."""
    settings = list(whole.catalog.settings(whole.run_ids).values())
    differ, rows = fields.differing(settings), []
    for name, spec_field in fields.fields().items():
        default, own = spec_field.defaults.get(str(settings[0]["model"])), settings[0][name]
        if name == "dataset" or (name not in differ and (own == default or own is None)):
            continue
        value = fields.listed(differ[name]) if name in differ else str(own)
        rows.append({"field": name, "value": value, "default": "–" if default is None else str(default)})
    return pd.DataFrame(rows, columns=["field", "value", "default"])


def rule_of(catalog: Catalog, ensemble: str | None) -> dict[str, str]:
    """Return the rule by which members were kept; nothing without an ensemble."""
    if ensemble is None:
        return {}
    return {"kept": ", ".join(f"{k} {v}" for k, v in catalog.ensemble(ensemble).rule.items())}


def _code(code: Mapping[str, Any]) -> str:
    if not code.get("commit"):
        return "an installed package"
    changes = f" with uncommitted changes {code['dirty_hash']}" if code.get("dirty_hash") else ""
    return f"commit {str(code['commit'])[:12]}{changes}"


def _of_grid(catalog: Catalog, grid: str) -> pd.DataFrame:
    """Return a row for each setup of the design: its runs by state."""
    design = cells(catalog, grid)
    counts = design.groupby(["setup", "variant"], sort=False)["state"].value_counts().unstack(fill_value=0)
    counts = counts.reset_index().rename_axis(None, axis=1)
    return counts if counts["variant"].any() else counts.drop(columns="variant")


def _of_ensemble(catalog: Catalog, name: str) -> pd.DataFrame:
    """Return a row for each setup.

    How many members are kept of how many candidates, and why the others are not.
    """
    made = catalog.ensemble(name)
    candidates = (
        selection.table(catalog, made)
        if "grid" in made.rule
        else pd.DataFrame(
            [{"setup": name, "variant": "", "kept": m.kept, "reason": m.reason} for m in made.members]
        )
    )
    rows = []
    for (setup, variant), part in candidates.groupby(["setup", "variant"], sort=False):
        why = Counter(str(reason).split()[0].rstrip(":") for reason in part["reason"].dropna())
        rows.append(
            {
                "setup": setup,
                "variant": variant,
                "kept": int(part["kept"].sum()),
                "candidates": len(part),
                "dropped for": ", ".join(f"{n} {REASONS.get(reason, reason)}" for reason, n in why.items()),
            }
        )
    frame = pd.DataFrame(rows)
    return frame if frame["variant"].any() else frame.drop(columns="variant")


def counts(report: Report) -> str:
    """Tell what a report holds, in a line."""
    reused = sum(s.reused for s in report.sections)
    plural: Sequence[str] = ("section", "sections")
    return (
        f"{len(report.sections)} {plural[len(report.sections) != 1]}, {reused} from the catalog; "
        f"{len(report.missing)} not shown"
    )
