"""What the pages share, and what the app must not import."""

import ast
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from streamlit.testing.v1 import AppTest

from landlab_mgr.models import registry

from .conftest import APP

SOURCES = sorted(APP.rglob("*.py"))


@pytest.fixture(autouse=True)
def _as_streamlit_runs_it(monkeypatch):
    monkeypatch.syspath_prepend(str(APP))


@pytest.mark.slow
def test_the_app_imports_no_jax_ray_or_optuna_even_indirectly(made):
    """In a process of its own, since the tests import JAX; only the page of tuning reads with Optuna.

    import-linter cannot hold this: the app is no package, Streamlit puts its directory on the path.
    """
    script = f"""
import os, sys
os.environ["LANDLAB_WORKSPACE"] = {str(made.workspace.root)!r}
os.environ.pop("LANDLAB_DB", None)
sys.path.insert(0, {str(APP)!r})
from streamlit.testing.v1 import AppTest
app = AppTest.from_file({str(APP / "Home.py")!r}, default_timeout=60).run()
for name in ("runs", "compare", "ensembles", "analyses", "maps", "data", "run"):
    app.switch_page(f"views/{{name}}.py")
    app.query_params.update({{"run": {made.runs["completed"]!r}, "filter": "seed = 0"}})
    app.run()
    assert not app.exception, name
assert len(app.get("plotly_chart")) == 3
found = sorted({{"jax", "ray", "optuna", "flax", "optax"}} & set(sys.modules))
app.switch_page("views/tuning.py").run()
print(found, sorted({{"jax", "ray", "flax", "optax"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[] []"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(APP)))
def test_sources_import_no_database_library_and_show_no_html_of_others(source):
    tree = ast.parse(source.read_text())
    imported = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    imported |= {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    assert not {name.split(".")[0] for name in imported} & {"sqlalchemy", "alembic", "sqlite3", "psycopg"}
    assert "unsafe_allow_html" not in source.read_text()
    html = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "st.html"]
    assert all(isinstance(call.args[0], ast.Constant) for call in html)


@pytest.mark.parametrize(
    ("unit", "shown"),
    [
        ("gC m-2 d-1", "gC m⁻² d⁻¹"),
        ("mW m-2 nm-1 sr-1", "mW m⁻² nm⁻¹ sr⁻¹"),
        ("gC hPa^0.5 kg-1", "gC hPa⁰·⁵ kg⁻¹"),
        ("degC", "°C"),
        ("mm", "mm"),
        ("1", ""),
    ],
)
def test_units_as_people_write_them(unit, shown):
    from parts import text

    assert text.unit(unit) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(109_312.4, "109,300"), (0.0123456, "0.01235"), (12.0, "12"), (1e12, "1e+12")]
)
def test_numbers_have_four_digits(value, shown):
    from parts import text

    assert text.number(value) == shown


def test_no_run_of_backticks_breaks_out_of_a_block():
    from parts import text

    block = text.fenced("a ```` b\n```\n# c")
    fence = block.splitlines()[-1]
    assert set(fence) == {"`"}
    assert fence not in block.removeprefix(fence).removesuffix(fence)


def test_a_part_that_is_run_again_says_its_errors_itself():
    def script():
        import streamlit as st

        from landlab_mgr.errors import LandlabError
        from parts import text

        def part(name):
            raise LandlabError(f"no {name}; make one")

        st.fragment(text.guarded(part), run_every=None)("catalog")

    app = AppTest.from_function(script, default_timeout=30).run()
    assert not app.exception
    assert app.error[0].value == "no catalog; make one"


TABLES = registry.tables(registry.DEFAULT)
TIME = np.array(["2001-01-15", "2001-02-15", "2001-03-15"], "datetime64[ns]")


def monthly(dim: str, **values: list[list[float]]) -> xr.Dataset:
    ds = xr.Dataset({n: ((dim, "time"), np.array(v)) for n, v in values.items()}, coords={"time": TIME})
    return ds.assign(split=(dim, ["train"] * ds.sizes[dim])) if values else ds


def observations(**values: list[list[float]]) -> xr.Dataset:
    return monthly("pixel", **values).assign(patch=("pixel", [0, 0, 1]))


def test_anomalies_are_compared_as_anomalies():
    from parts import series

    ds = observations(ewt=[[5.0, np.nan, 7.0]] * 3)
    modelled = monthly("pixel", water=[[100.0, 300.0, 106.0]] * 3)
    what = series.series(modelled, ds, "ewt", 0, TABLES)
    np.testing.assert_allclose(
        what.modelled, [-3, 197, 3]
    )  # less 103, the mean where there is an observation
    np.testing.assert_allclose(what.observed[0].seen, [-1, np.nan, 1])


def test_a_patch_is_compared_with_the_mean_of_its_pixels_where_all_are_observed():
    from parts import series

    ds = observations(lai=[[1.0, 2.0, 3.0], [3.0, np.nan, 5.0], [9.0, 9.0, 9.0]])
    what = series.series(monthly("patch", lai=[[0.0, 0.0, 0.0]] * 2), ds, "lai", 0, TABLES)
    np.testing.assert_allclose(what.observed[0].seen, [2, np.nan, 4])


def test_withheld_months_stay_apart():
    from parts import series

    ds = observations(lai=[[1.0, np.nan, np.nan]] * 3, lai_withheld=[[np.nan, 2.0, np.nan]] * 3)
    modelled = monthly("pixel", lai=[[0.0, 0.0, 0.0]] * 3)
    what = series.series(modelled, ds, "lai", 2, TABLES, held_back=True)
    np.testing.assert_allclose(what.observed[0].withheld, [np.nan, 2, np.nan])
    assert list(series.table(what).columns) == ["month", "modelled", "lai", "lai withheld"]
    np.testing.assert_array_equal(series.steps_observed(modelled, ds, "lai"), [1, 1, 1])


EVERY_STEP = [[1.0, 2.0, 3.0]] * 3


@pytest.mark.parametrize(
    ("observed", "withheld", "place", "seen", "held_back"),
    [
        ({"lai_withheld": [[np.nan, np.nan, 4.0]] * 3}, None, 0, [1, 2, 3], [np.nan, np.nan, 4]),
        ({}, np.array([[False], [True], [False]]), 0, [1, np.nan, 3], [np.nan, 2, np.nan]),
        ({}, np.array([[0, 0, 0], [0, 1, 0], [0, 1, 0]], bool), 1, [1, np.nan, np.nan], [np.nan, 2, 3]),
        ({}, np.array([[0, 0, 0], [0, 1, 0], [0, 1, 0]], bool), 0, [1, 2, 3], [np.nan] * 3),
        ({}, None, 2, [np.nan] * 3, [1, 2, 3]),
    ],
    ids=["of a stream", "of every place", "of a place", "of another place", "a test place"],
)
@pytest.mark.parametrize("dim", ["pixel", "patch"])
def test_what_is_held_back_is_shown_where_asked_for_alone(dim, observed, withheld, place, seen, held_back):
    from parts import series

    ds = observations(lai=EVERY_STEP, **observed).assign(patch=("pixel", [0, 1, 2]))
    modelled = monthly(dim, lai=[[0.0] * 3] * 3).assign(split=(dim, ["train", "dev", "test"]))
    hidden = series.series(modelled, ds, "lai", place, TABLES, withheld)
    np.testing.assert_array_equal(hidden.observed[0].seen, seen)
    assert np.isnan(hidden.observed[0].withheld).all()
    assert "lai withheld" not in series.table(hidden)
    shown = series.series(modelled, ds, "lai", place, TABLES, withheld, held_back=True)
    np.testing.assert_array_equal(shown.observed[0].seen, seen)
    np.testing.assert_array_equal(shown.observed[0].withheld, held_back)


def test_what_is_observed_comes_first():
    from parts import series

    ds = observations(lai=[[1.0] * 3] * 3, nbe=[[1.0] * 3] * 3)
    names = {n: [[0.0] * 3] * 3 for n in ("gpp", "nbe", "lai")}
    assert series.variables(monthly("pixel", **names), ds, TABLES) == ["lai", "nbe", "gpp"]


def test_an_output_goes_by_the_name_of_the_variable_that_it_is_compared_with():
    from parts import series

    outputs = monthly("pixel", water=[[0.0] * 3] * 3, foliar=[[0.0] * 3] * 3)
    assert series.variables(outputs, observations(), TABLES) == ["ewt", "foliar"]
    assert series.variables(outputs, observations(), registry.tables("lstm")) == ["foliar", "water"]


def test_names_of_variables_and_streams():
    from parts import text

    assert text.name("gpp") == "GPP"
    assert text.name("gpp_fluxnet") == "GPP fluxnet"
    assert text.name("fire") == "fire"
    assert text.name("PC1") == "PC1"


def test_the_split_reads_as_text_and_as_codes():
    from parts import series

    words = xr.Dataset({"split": ("pixel", np.array(["train", "dev"], object))})
    codes = xr.Dataset(
        {"split": ("pixel", [0, 1], {"flag_values": [0, 1, 2], "flag_meanings": "train dev test"})}
    )
    assert list(series.splits(words)) == list(series.splits(codes)) == ["train", "dev"]


def test_places_are_named_by_site_or_by_where_they_are():
    from parts import series

    ds = monthly("pixel", lai=[[0.0] * 3] * 2).assign(
        lat=("pixel", [50.2, -3.0]), lon=("pixel", [-10.0, 7.5])
    )
    assert series.places(ds) == ["pixel 0, 50.20°N 10.00°W", "pixel 1, 3.00°S 7.50°E"]
    assert series.places(ds.assign(site=("pixel", ["AA-One", ""]))) == ["AA-One", "pixel 1, 3.00°S 7.50°E"]
    assert series.places(monthly("patch", lai=[[0.0] * 3])) == ["patch 0"]


def test_losses_that_are_not_positive_get_a_linear_axis():
    import pandas as pd

    from parts import figures

    epochs = pd.DataFrame({"epoch": [1, 2], "total": [3.0, 2.0], "dev": [4.0, np.inf], "edc": [0.0, 1.0]})
    assert figures.losses(epochs, "total").layout.yaxis.type == "log"
    assert figures.losses(epochs, "edc").layout.yaxis.type is None  # linear, as is any axis of numbers
    assert np.isnan(figures.losses(epochs, "total").data[1].y[1])


def test_names_of_variables_mean_nothing_in_a_figure():
    from parts import figures
    from parts.series import Observed, Series

    values = np.array([1.0, 2.0, 3.0])
    what = Series("<b>x</b>", "m-2", TIME, values, (Observed("lai", values, values * np.nan),))
    assert figures.series(what, 0).layout.yaxis.title.text == "&lt;b&gt;x&lt;/b&gt; (m⁻²)"
    assert [t.name for t in figures.series(what, 1).data] == ["modelled", "observed", "warm-up, not scored"]
    assert len(figures.scatter(what, 1).data[0].x) == 2


def test_daily_series_have_days_and_their_warm_up_is_of_months():
    from parts import figures, series

    days = np.arange("2001-01-01", "2003-01-01", dtype="datetime64[D]").astype("datetime64[ns]")
    what = series.Series("et", "mm d-1", days, np.ones(len(days)), ())
    table = series.table(what)
    assert list(table.columns) == ["day", "modelled"]
    assert table["day"].is_unique
    [shade] = figures.series(what, 12).layout.shapes
    assert (shade.x0, shade.x1) == ("2001-01-01", "2002-01-01")
    months = series.Series("et", "mm d-1", days[::31], np.ones(len(days[::31])), ())
    assert list(series.table(months).columns) == ["month", "modelled"]
