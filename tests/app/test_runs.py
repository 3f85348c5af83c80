"""The page of runs, in every state of a workspace."""

from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.workspace.workspace import Workspace

from . import sample


def words(app) -> str:
    """All that the page says, but for tables."""
    kinds = (app.title, app.markdown, app.caption, app.info, app.error, app.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def test_without_a_workspace_it_says_how_to_make_one(open_app, tmp_path):
    app = open_app(tmp_path / "nowhere")
    assert not app.exception
    assert "no workspace at" in app.error[0].value
    assert "landlab init" in app.error[0].value.replace("\\", "")


def test_an_older_catalog_is_an_error_to_read_not_a_traceback(open_app, tmp_path):
    tmp_path.joinpath("landlab.db").write_bytes(b"")
    app = open_app(tmp_path)
    assert not app.exception
    assert "is not a landlab catalog" in app.error[0].value


def test_an_empty_workspace_names_the_commands_that_fill_it(open_app, tmp_path):
    Workspace.at(tmp_path, str(tmp_path / "landlab.db")).create().close()
    app = open_app(tmp_path)
    assert not app.exception
    assert "no dataset yet" in app.info[0].value
    assert f"landlab data twin --patches 24 -w {tmp_path}" in app.code[0].value


def test_a_workspace_without_a_grid_names_its_datasets(open_app, tmp_path):
    workspace = Workspace.at(tmp_path, str(tmp_path / "landlab.db"))
    with workspace.create() as catalog:
        sample.register_dataset(workspace, catalog, tmp_path)
    app = open_app(tmp_path)
    assert not app.exception
    assert "datasets: fluxval" in app.info[0].value.replace("\\", "")
    assert "landlab grid register" in app.code[0].value


def test_every_run_is_in_the_table_with_its_state_counted(open_app, made):
    app = open_app(made.workspace.root)
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["run_id"]) == list(made.runs.values())
    assert list(table["state"]) == [
        "✓ completed",
        "✕ failed",
        "▶ running",
        "▶ running",
        "○ pending",
        "– cancelled",
    ]
    assert list(table["epochs"]) == ["8 / 8", "2 / 8", "3 / 8", "0 / 8", "0 / 8", "0 / 8"]
    assert table["message"].iloc[1] == sample.MESSAGE
    said = words(app)
    for count in ("**6 runs**", "✓ 1 completed", "▶ 2 running", "✕ 1 failed", "○ 1 pending", "– 1 cancelled"):
        assert count in said


def test_a_filter_shrinks_the_table_and_goes_into_the_address(open_app, made):
    app = open_app(made.workspace.root)
    app.text_input(key="filter").set_value("status = 'failed'").run()
    assert list(app.dataframe[0].value["run_id"]) == [made.runs["failed"]]
    assert app.query_params["filter"] == "status = 'failed'"
    app.text_input(key="filter").set_value("").run()
    assert len(app.dataframe[0].value) == 6
    assert "filter" not in app.query_params


def test_a_link_with_a_filter_opens_with_it(open_app, made):
    app = open_app(made.workspace.root, filter="status = 'running'")
    assert app.text_input(key="filter").value == "status = 'running'"
    assert len(app.dataframe[0].value) == 2


def test_a_filter_that_cannot_be_read_is_pointed_at_and_the_table_stays(open_app, made):
    app = open_app(made.workspace.root)
    app.text_input(key="filter").set_value("status = 'failed'").run()
    app.text_input(key="filter").set_value("status == `x` <b>").run()
    assert not app.exception
    lines = app.error[0].value.splitlines()
    caret = next(i for i, line in enumerate(lines) if line.strip() == "^")
    assert lines[caret - 1][lines[caret].index("^")] == "`"
    assert list(app.dataframe[0].value["run_id"]) == [made.runs["failed"]]
    assert "Still shown: status = 'failed'" in words(app).replace("\\", "")


def test_no_match_is_said(open_app, made):
    app = open_app(made.workspace.root, filter="grid = 'nothing'")
    assert not app.exception
    assert "No run matches" in app.info[0].value
    assert not app.dataframe


def links(app):
    return {link.proto.label: link.proto for link in app.get("page_link")}


def test_all_can_be_compared_and_one_has_to_be_ticked_to_be_opened(open_app, made):
    app = open_app(made.workspace.root, filter="status = 'running'")
    assert links(app)["Open the run"].disabled
    assert not links(app)["Compare all 2"].disabled
    assert "filter=status" in links(app)["Compare all 2"].query_string
    alone = open_app(made.workspace.root, filter="status = 'failed'")
    assert links(alone)["Compare all 1"].disabled


def test_order_and_columns_live_in_the_address(open_app, made):
    app = open_app(made.workspace.root, order="dev_loss", columns="label,dev_loss")
    assert not app.exception
    losses = app.dataframe[0].value["dev_loss"]
    assert list(losses[:3]) == sorted(losses[:3])
    assert losses[3:].isna().all()
    assert list(app.dataframe[0].value) == ["label", "dev_loss"]
    app.selectbox(key="order").set_value("-updated").run()
    assert app.query_params["order"] == "-updated"
    app.multiselect(key="columns").set_value(["label", "tags"]).run()
    assert app.query_params["columns"] == "label,tags"
    again = open_app(made.workspace.root, columns="gold,label", order="gold")
    assert not again.exception
    assert list(again.dataframe[0].value) == ["label"]


def test_fields_in_which_runs_differ_are_columns_orders_and_filters(open_app, tmp_path):
    workspace = Workspace.at(tmp_path, str(tmp_path / "landlab.db"))
    grid = GridSpec(
        name="k",
        dataset="fluxval",
        setups=(("PFT",), ("CLIM",)),
        seeds=2,
        axes={"split.fold": (1, 0), "process.water_stress": ("nn_paw", "linear")},
        base={"split": {"kind": "kfold"}},
    )
    with workspace.create() as catalog:
        dataset = sample.register_dataset(workspace, catalog, tmp_path)
        catalog.register_runs(list(grid.expand(dataset.attrs["fingerprint"])), grid)
    app = open_app(tmp_path, order="split.fold")
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["split.fold"]) == [0] * 8 + [1] * 8
    assert "process.water_stress" in table
    assert "seeds.split" not in table
    chosen = open_app(tmp_path, columns="label,network.hidden,split.fold", order="-split.fold")
    assert list(chosen.dataframe[0].value) == ["label", "network.hidden", "split.fold"], (
        "any field is a column"
    )
    assert set(chosen.dataframe[0].value["network.hidden"]) == {"32,32,32"}
    lines = "\n".join(code.value for code in app.code)
    for line in (
        "predictors in ('CLIM', 'PFT')",
        "split.fold in (0, 1)",
        "process.water_stress in ('linear', 'nn_paw')",
    ):
        assert line in lines
        app.text_input(key="filter").set_value(line).run()
        assert not app.error
        assert len(app.dataframe[0].value) == 16
    app.text_input(key="filter").set_value("split.fold = 0").run()
    assert len(app.dataframe[0].value) == 8
    assert "split.fold" not in app.dataframe[0].value


def test_a_metric_is_a_column_and_an_order_but_not_uncounted(open_app, made):
    app = open_app(made.workspace.root, columns="run_id,metrics.dev.gpp.rmse", order="-metrics.dev.gpp.rmse")
    assert not app.exception
    [first, *rest] = app.dataframe[0].value["metrics.dev.gpp.rmse"]
    assert first == sample.MARGIN
    assert len(rest) == 5
    held_back = open_app(made.workspace.root, columns="run_id,metrics.test.gpp.rmse")
    assert "is counted in the catalog" in held_back.error[0].value
    assert list(held_back.dataframe[0].value) == ["run_id"]


def test_a_run_is_named_by_what_tells_it_apart_in_its_grid(open_app, tmp_path):
    workspace = Workspace.at(tmp_path, str(tmp_path / "landlab.db"))
    grid = GridSpec(
        name="k", dataset="fluxval", setups=(("PFT",),), seeds=1, axes={"optimizer.epochs": (3, 30)}
    )
    with workspace.create() as catalog:
        dataset = sample.register_dataset(workspace, catalog, tmp_path)
        runs = list(grid.expand(dataset.attrs["fingerprint"]))
        catalog.register_runs(runs, grid)
        catalog.fail(catalog.claim("host", 1, directory_of=workspace.directory).token, "nan", "loss is NaN")
        catalog.fail(catalog.claim("host", 1, directory_of=workspace.directory).token, "nan", "loss is NaN")
    app = open_app(tmp_path, "views/run.py", run=runs[1].run_id)
    assert app.title[0].value.replace("\\", "") == "PFT, epochs 30 · seed 0"
    assert {option.partition(" · ")[0] for option in app.selectbox(key="run").options} == {
        "PFT, epochs 3",
        "PFT, epochs 30",
    }
    overview = open_app(tmp_path, "views/overview.py")
    assert {"PFT, epochs 3", "PFT, epochs 30"} == {*overview.dataframe[0].value["setup"]}


def test_runs_by_setup(open_app, made):
    app = open_app(made.workspace.root, grouped="1")
    assert not app.exception
    setups = app.dataframe[0].value
    assert list(setups["setup"]) == ["PFT", "PFT+CLIM", "CONTROL"]
    assert list(setups["runs"]) == [2, 2, 2]
    assert list(setups["completed"]) == [1, 0, 0]
    assert "**3 setups**" in words(app)
    app.toggle(key="grouped").set_value(False).run()
    assert len(app.dataframe[0].value) == 6
    assert "grouped" not in app.query_params
