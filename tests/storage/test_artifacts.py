"""Files of runs under several writers: each writes its own, and a reader sees one of them whole."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from landlab_mgr.storage import artifacts

WRITER = """
import sys
from pathlib import Path
import numpy as np, xarray as xr
from landlab_mgr.storage import artifacts
number, directory = float(sys.argv[1]), Path(sys.argv[2])
for _ in range(40):
    artifacts.write("skill", xr.Dataset({"x": ("pixel", np.full(20_000, number))}), directory)
"""


@pytest.mark.slow
def test_two_processes_that_write_one_file_leave_one_of_them_whole(tmp_path):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(k), str(tmp_path)], stderr=subprocess.PIPE, text=True
        )
        for k in (1, 2)
    ]
    path, seen = tmp_path / "skill.zarr.zip", set()
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            found = np.unique(artifacts.read(path)["x"].values)
            assert len(found) == 1, "a file of two writers"
            seen |= set(found)
    for writer in writers:
        assert writer.wait() == 0, writer.stderr.read()
    assert seen <= {1.0, 2.0}
    assert seen
    assert list(tmp_path.iterdir()) == [path]


def test_flags_keep_their_codes_where_one_more_meaning_is_known():
    labels = np.array(["train", "test", "dev"])
    for meanings in (("train", "dev", "test"), ("train", "dev", "test", "unused")):
        dim, codes, attrs = artifacts.flags("pixel", labels, meanings)
        assert codes.tolist() == [0, 2, 1]
        assert artifacts.labels(xr.DataArray(codes, dims=dim, attrs=attrs)).tolist() == labels.tolist()


def test_files_of_runs_open_in_xarray_with_their_places(tmp_path):
    where = {"lat": ("pixel", [50.0, -3.0]), "lon": ("pixel", [10.0, 20.0]), "site": ("pixel", ["A", "B"])}
    ds = xr.Dataset({"gpp": (("pixel", "time"), np.ones((2, 3)))} | where, {"time": np.arange(3)})
    artifacts.write("monthly", ds.assign_attrs(run_id="0" * 16), tmp_path)
    path = tmp_path / "monthly.zarr.zip"
    for opened in (xr.open_dataset(path), xr.open_dataset(str(path), decode_times=False)):
        assert {"lat", "lon", "site", "time"} == {*opened.coords}
        np.testing.assert_array_equal(opened["gpp"].sel(pixel=opened["lat"] > 0), 1.0)
    assert {*artifacts.read(path).data_vars} == {"gpp", "lat", "lon", "site"}, "as early versions wrote them"
    assert "lat" in artifacts.read(path, ["lat"]).data_vars
    artifacts.write("result", ds.set_coords("lat"), tmp_path)
    assert {*artifacts.read(tmp_path / "result.zarr.zip").coords} == {"lat", "time"}
