"""From a figure back to what made it: the commands that remake it, and what changed upstream since. JAX-free."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landlab_mgr.analysis.base import completed
from landlab_mgr.catalog import Catalog
from landlab_mgr.catalog.filter import held_back
from landlab_mgr.catalog.session import parse_url
from landlab_mgr.data import store
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec, load_grid
from landlab_mgr.storage import artifacts, provenance
from landlab_mgr.storage.resources import resource
from landlab_mgr.workspace.workspace import DATABASE, DEFAULT, Workspace

MOVING = r"\b(status|tag|ensemble|epochs|created|metrics\.\S+)\s*(=|!|<|>|in\b|like\b|not\b)"
"""Pattern of what filters compare that runs lack until trained or looked after."""


@dataclass(frozen=True)
class Change:
    """Something upstream of a figure that is not what it was; `runs` are those concerned, where it is runs."""

    what: str
    detail: str
    runs: tuple[str, ...] = ()


# --- where ------------------------------------------------------------------------------------------


def elsewhere(made: Mapping[str, Any], ws: Workspace) -> str | None:
    """Return a line on where the figure was made, if not in this workspace.

    None where it was.

    Nobody goes there unasked: whoever made the figure would choose where we connect, with the user's password.
    """
    root, catalog = str(made["workspace"]), str(made["catalog"])
    if (root, catalog) == (str(ws.root), _catalog(ws)):
        return None
    return (
        f"made in {_quoted(root)} with the catalog {_quoted(catalog)}; "
        "if you trust these, name them with -w and --db to compare with them"
    )


def _catalog(ws: Workspace) -> str:
    """Return the URL of the catalog as figures record it."""
    return parse_url(ws.database).render_as_string(hide_password=True)


# --- how to remake it -------------------------------------------------------------------------------


def commands(made: Mapping[str, Any], figure: str | Path, ws: Workspace) -> list[str]:
    """Shell lines that make the data, the runs and the figure, in order; comments say what no line can."""
    at = _where(ws)
    lines = [_comment(_code(made["code"]))]
    if _has_password(ws):
        lines.append(_comment(f"LANDLAB_DB is the catalog's URL with its password: {_catalog(ws)}"))
    for dataset in made["datasets"]:
        lines += _dataset_commands(dataset, at)
    if "page" in made:
        return [*lines, _line("landlab", "app", *at), _comment(f"and there: {made['page']}")]
    if "analysis" not in made:
        name = _argument(made["datasets"][0]["name"])
        return [*lines, _line("landlab", "data", "show", name, "--figure", figure, *at)]
    analysis, grids = made["analysis"], [GridSpec.model_validate(g) for g in made["grids"]]
    for grid in grids:
        lines += _grid_commands(grid, at)
    lines += _run_commands(analysis["filter"], grids, len(made["runs"]), at)
    lines += [_select_command(e, at) for e in made.get("ensembles", ())]
    options = [part for key, value in analysis["options"].items() for part in ("-o", f"{key}={value}")]
    asked = [_argument(analysis["filter"])] if analysis["filter"] else []
    return [
        *lines,
        _line("landlab", "analyse", _argument(analysis["name"]), *asked, *options, "--figure", figure, *at),
    ]


def _where(ws: Workspace) -> list[str]:
    at = [] if ws.root == Path(DEFAULT).absolute() else ["-w", _near(ws.root)]
    has_own = ws.database == str(ws.root / DATABASE)
    return at if has_own or _has_password(ws) else [*at, "--db", ws.database]


def _has_password(ws: Workspace) -> bool:
    return re.search(r"://[^/@]*:[^/@]*@", ws.database) is not None


def _near(path: Path) -> str:
    """Return a path as seen from here, if it is below."""
    return (
        str(path.relative_to(Path.cwd()))
        if path.is_relative_to(Path.cwd()) and path != Path.cwd()
        else str(path)
    )


def _argument(text: str) -> str:
    """Return what a line says without an option before it.

    ValueError where it would be an option, such as --db.
    """
    if text.startswith("-"):
        raise ValueError(text)
    return text


def _line(*words: object) -> str:
    return " ".join(_quoted(str(word)) for word in words)


def _quoted(word: str) -> str:
    """As a shell takes it: filters in double quotes, as people write them, where nothing in them is special.

    What a terminal would obey is escaped, as bash and zsh read it.
    """
    if not word.isprintable():
        plain = word.replace("\\", "\\\\").replace("'", "\\'")
        return "$'" + "".join(c if c.isprintable() else _escaped(c) for c in plain) + "'"
    return f'"{word}"' if "'" in word and not re.search(r'["$`\\!]', word) else shlex.quote(word)


def _escaped(character: str) -> str:
    """Escape an unprintable character for bash's $'...' and for TOML alike."""
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _comment(text: str) -> str:
    return "# " + "".join(c for c in " ".join(text.split()) if c.isprintable())


def _code(code: Mapping[str, Any]) -> str:
    if not code.get("commit"):
        return "code: an installed package; see the version above"
    changes = f" with uncommitted changes {code['dirty_hash']}" if code.get("dirty_hash") else ""
    return f"code: git checkout {code['commit']}{changes}"


def _dataset_commands(dataset: Mapping[str, Any], at: Sequence[str]) -> list[str]:
    name = str(dataset["name"])
    twin = re.fullmatch(r"twin-(\d+)x(\d+)x(\d+)-s(\d+)", name)
    if twin and dataset["kind"] == "synthetic":
        options = zip(("--patches", "--pixels", "--years", "--seed"), twin.groups(), strict=True)
        return [_line("landlab", "data", "twin", *(word for pair in options for word in pair), *at)]
    if "FluxVal" in dataset["source"]:
        return [
            _comment(f"FLUXVAL_DIR is where {dataset['source']} lies"),
            "landlab data import fluxval FLUXVAL_DIR --predictors FLUXVAL_DIR/site_predictors.csv "
            + _line("--name", name, *at),
        ]
    return [_comment(f"dataset {name} ({dataset['fingerprint']}): {dataset['source']}")]


def _grid_commands(grid: GridSpec, at: Sequence[str]) -> list[str]:
    for path in sorted(resource("experiments").glob("*.toml")):
        if _same(path, grid):
            return [_line("landlab", "grid", "register", _near(path), *at)]
    file = f"{grid.name}.toml"
    content = toml(grid.model_dump(mode="json", exclude_defaults=True))
    return [
        f"cat > {shlex.quote(file)} <<'END'\n{content}END",
        _line("landlab", "grid", "register", file, *at),
    ]


def _same(path: Path, grid: GridSpec) -> bool:
    try:
        return load_grid(path) == grid
    except LandlabError:
        return False


def _run_commands(filter: str, grids: Sequence[GridSpec], runs: int, at: Sequence[str]) -> list[str]:
    said = []
    if not grids:
        said = [_comment(f"none of the {runs} runs is in a grid: register them from Python again")]
    unquoted = re.sub(r"'([^']|'')*'|\"([^\"]|\"\")*\"", "''", filter)
    if not re.search(MOVING, unquoted, re.IGNORECASE):
        return [*said, _line("landlab", "run", *([filter] if filter else []), *at)]
    lines = [_line("landlab", "run", "--grid", grid.name, *at) for grid in grids]
    about = (
        "the filter asks for what runs have only once trained or looked after, so whole grids; tag them again"
    )
    return [*said, _comment(about), *lines]


def _select_command(ensemble: Mapping[str, Any], at: Sequence[str]) -> str:
    rule = ensemble["rule"]
    if not {"grid", "keep", "by"} <= {*rule}:
        return _comment(f"ensemble {ensemble['name']} was made in Python: {json.dumps(rule)}")
    asked = ["--grid", rule["grid"], "--keep", rule["keep"], "--by", rule["by"]]
    asked += ["--fewer"] if rule.get("fewer") else []
    return _line("landlab", "ensemble", "select", *asked, "--name", ensemble["name"], *at)


def toml(content: Mapping[str, Any], table: str = "") -> str:
    """Plain content as TOML; JSON's strings, numbers, booleans and lists are TOML's, but for null."""
    plain = {k: v for k, v in content.items() if not isinstance(v, dict)}
    lines = [f"[{table}]"] if table and (plain or not content) else []
    lines += [f"{_key(k)} = {_value(v)}" for k, v in plain.items() if v is not None]
    text = "".join(f"{line}\n" for line in lines)
    for key, value in content.items():
        if isinstance(value, dict):
            text += toml(value, f"{table}.{_key(key)}" if table else _key(key))
    return text


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _value(key)


def _value(content: Any) -> str:
    text = json.dumps(content, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


# --- what changed since -----------------------------------------------------------------------------


def changes(made: Mapping[str, Any], ws: Workspace) -> list[Change]:
    """List what upstream of the figure is not what it was.

    Empty where all is the same.
    """
    found = [*_code_changes(made["code"])]
    analysed = "analysis" in made
    try:
        # a filter by test metrics needs a catalog that can count its reading
        asks_test = analysed and bool(held_back(made["analysis"]["filter"]))
        with ws.open(read_only=not asks_test) as catalog:
            found += _dataset_changes(made["datasets"], catalog, ws)
            found += _run_changes(made, catalog) if analysed else ()
        found += _result_changes(made["result"], ws) if analysed else ()
    except LandlabError as error:
        found.append(Change("workspace", f"{error}; not compared: -w and --db name what to compare with"))
    return found


def _code_changes(then: Mapping[str, Any]) -> Iterator[Change]:
    now = provenance.code()._asdict()
    if now["commit"] != then.get("commit"):
        yield Change("code", f"commit {_short(now['commit'])} now, {_short(then.get('commit'))} then")
    elif now["dirty_hash"] != then.get("dirty_hash"):
        was, is_ = (_short(x) if x else "none" for x in (then.get("dirty_hash"), now["dirty_hash"]))
        yield Change("code", f"same commit, but uncommitted changes: {is_} now, {was} then")


def _short(commit: str | None) -> str:
    return commit[:10] if commit else "of an installed package"


def _dataset_changes(
    datasets: Sequence[Mapping[str, Any]], catalog: Catalog, ws: Workspace
) -> Iterator[Change]:
    now = {name: d for d in catalog.datasets() for name in d.names}
    for then in datasets:
        name, fingerprint = then["name"], then["fingerprint"]
        if name not in now:
            yield Change("dataset", f"{name} is not in the catalog any more")
        elif now[name].fingerprint != fingerprint:
            yield Change("dataset", f"{name} is {now[name].fingerprint} now, {fingerprint} then")
        else:
            try:
                stored = store.open_dataset(ws.path(now[name].url)).attrs["fingerprint"]
            except LandlabError as error:
                yield Change("dataset", f"{name} cannot be read: {error}")
            else:
                if stored != fingerprint:
                    yield Change("dataset", f"{name} as stored is {stored} now, {fingerprint} then")


def _run_changes(made: Mapping[str, Any], catalog: Catalog) -> Iterator[Change]:
    then, analysis = made["runs"], made["analysis"]
    now = catalog.evidence(list(then), analysis["splits"], analysis.get("kinds", ()))
    found = set(catalog.runs(completed(analysis["filter"]))["run_id"])
    gone = [run_id for run_id in then if run_id not in now]
    again = [run_id for run_id in now if now[run_id] != then[run_id]]
    new = sorted(found - then.keys())
    lost = [run_id for run_id in now if run_id not in found]
    for runs, detail in (
        (gone, "are not in the catalog any more"),
        (again, "have other results now: trained again"),
        (lost, "are not found by the filter any more"),
        (new, "are found by the filter now, and not in the figure"),
    ):
        if runs:
            yield Change(
                "runs", f"{len(runs)} of {len(then) if runs is not new else len(found)} {detail}", tuple(runs)
            )


def _result_changes(result: Mapping[str, Any], ws: Workspace) -> Iterator[Change]:
    path = result["path"]
    try:
        found = artifacts.record("result", ws.path(path))
    except LandlabError as error:
        yield Change("result", f"cannot be read: {error}")
    except FileNotFoundError:
        yield Change("result", f"{path} is missing; `landlab analyse` makes it again")
    else:
        if found.sha256 != result["sha256"]:
            yield Change("result", f"{path} is not what it was: computed by other code, or altered")
