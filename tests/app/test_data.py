"""The page of datasets and files: its states, and what can be taken from it."""

import pytest

from landlab_mgr.errors import LandlabError
from landlab_mgr.records import ArtifactRecord
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

from . import sample
from .conftest import APP
from .test_runs import words

pytestmark = pytest.mark.slow

PAGE = "views/data.py"


@pytest.fixture(autouse=True)
def _as_streamlit_runs_it(monkeypatch):
    monkeypatch.syspath_prepend(str(APP))


@pytest.fixture
def monthly(made) -> ArtifactRecord:
    """The one file that the sample's completed run left."""
    with made.workspace.open(read_only=True) as catalog:
        return catalog.inventory().files[0].artifact


def test_an_empty_workspace_names_the_commands_that_fill_it(open_app, tmp_path):
    Workspace.at(tmp_path, str(tmp_path / "landlab.db")).create().close()
    app = open_app(tmp_path, PAGE)
    assert not app.exception
    assert "no dataset yet" in app.info[0].value


def test_a_dataset_with_its_provenance_its_splits_and_variables(open_app, made):
    app = open_app(made.workspace.root, PAGE)
    assert not app.exception
    said = words(app).replace("\\", "")
    for fact in (
        made.dataset.attrs["fingerprint"],
        made.dataset.attrs["licence"].splitlines()[0],
        "11 pixels in",
    ):
        assert fact in said
    splits, variables, kinds, files = (d.value for d in app.dataframe)
    assert splits["split"][0] == "patch, 10% of the rest for dev"
    parts = splits.loc[0, ["train", "dev", "test"]].astype(int)
    assert parts.sum() == made.dataset.sizes["pixel"]
    assert set(variables["variable"]) >= {"gpp_fluxnet", "lat"}
    assert variables.set_index("variable").loc["gpp_fluxnet", "unit"] == "gC m⁻² d⁻¹"
    assert kinds.to_dict("list")["kind"] == ["monthly"]
    assert list(files["run_id"]) == [made.runs["completed"]]


def test_the_splits_of_a_grid_that_crosses_them(open_app, tmp_path):
    made = sample.make(tmp_path)
    folds = GridSpec(
        name="folds",
        dataset=made.dataset.attrs["fingerprint"],
        setups=(("PFT",),),
        axes={"split.fold": (0, 1)},
        base={"warmup_months": 12, "split": {"kind": "kfold", "folds": 2}},
    )
    with made.workspace.open() as catalog:
        register.grid(made.workspace, catalog, folds)
    app = open_app(tmp_path, PAGE)
    assert not app.exception
    splits = app.dataframe[0].value.set_index("split")
    said = [words for words in splits.index if words.startswith("kfold")]
    assert [words.split(", ")[2] for words in said] == ["fold 0", "fold 1"]
    parts = splits.loc[said, ["train", "dev", "test"]].astype(int)
    assert list(parts.sum(axis=1)) == [made.dataset.sizes["pixel"]] * 2


def test_files_are_checked_when_asked(open_app, tmp_path):
    made = sample.make(tmp_path)
    app = open_app(tmp_path, PAGE)
    button = next(b for b in app.button if b.label == "Check all of kind monthly")
    button.click().run()
    assert "all as catalogued" in app.success[0].value
    for file in made.workspace.runs.rglob("monthly.zarr.zip"):
        file.write_bytes(file.read_bytes() + b"x")
    next(b for b in app.button if b.label == "Check all of kind monthly").click().run()
    assert not app.exception
    assert "1 of 1 checked are not as catalogued" in app.error[0].value


def test_a_catalogued_file_is_read_and_no_other(made, monthly, tmp_path):
    from parts import files

    content = files.content(made.workspace, monthly)
    copy = tmp_path / "copy.zarr.zip"
    copy.write_bytes(content)
    assert "gpp" in artifacts.read(copy)
    tampered = ArtifactRecord("monthly", "../../../../../../etc/passwd", "0" * 64, 1)
    with pytest.raises(LandlabError, match="leads out of the workspace"):
        files.content(made.workspace, tampered)
    altered = ArtifactRecord("monthly", monthly.path, "0" * 64, monthly.bytes)
    with pytest.raises(LandlabError, match="is altered"):
        files.content(made.workspace, altered)
    missing = ArtifactRecord("monthly", "runs/nowhere", "0" * 64, 1)
    with pytest.raises(LandlabError, match="is missing"):
        files.content(made.workspace, missing)


def test_a_dataset_that_is_gone_is_an_error_to_read_beside_the_rest(open_app, tmp_path):
    import shutil

    made = sample.make(tmp_path)
    shutil.rmtree(made.workspace.data)
    app = open_app(tmp_path, PAGE)
    assert not app.exception
    assert "no dataset at" in app.error[0].value
    assert made.runs["completed"] in set(app.dataframe[-1].value["run_id"])
