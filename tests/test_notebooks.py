"""The notebooks run from top to bottom, in one process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "experiments" / "notebooks").glob("*.ipynb"))
LAST = {
    "first_ensemble": "assert lai.sizes == {'run': 3, 'time': 48}; assert float(r2.max()) > 0.3",
    "own_data": "assert parts['FOREST'] > 0.2; assert abs(parts['SOIL']) < 0.2",
}
"""What must hold at the end."""


def code_of(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells), "outputs make the repository large: clear them"
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_code_that_compiles(notebook):
    compile(code_of(notebook), notebook.name, "exec")


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_end(notebook, tmp_path):
    script = tmp_path / "cells.py"
    script.write_text(f"{code_of(notebook)}\n{LAST[notebook.stem]}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
