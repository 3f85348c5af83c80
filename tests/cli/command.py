"""The command line in real processes."""

import subprocess
import sys

GRID = """
name = "tiny"
dataset = "{dataset}"
setups = [["PFT", "CLIM"], ["CONTROL"]]
seeds = {seeds}
[base]
warmup_months = 12
[base.optimizer]
epochs = {epochs}
learning_rate = 1e-3
patches_per_batch = 0
"""


def command(*arguments, workspace=None):
    where = [] if workspace is None else ["-w", str(workspace)]
    if arguments[0] == "run" and not {"--workers", "--executor", "--address"} & set(arguments):
        where += [
            "--workers",
            "1",
        ]  # in its own process: most tests are not about Ray, whose start takes seconds
    return [sys.executable, "-m", "landlab_mgr.cli", *map(str, arguments), *where]


def landlab(*arguments, workspace=None, code=0, cwd=None):
    done = subprocess.run(
        command(*arguments, workspace=workspace), capture_output=True, text=True, timeout=600, cwd=cwd
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def refused(*arguments, workspace=None, cwd=None):
    """Bad input: exit code 2 and one line; returns it."""
    done = landlab(*arguments, workspace=workspace, code=2, cwd=cwd)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def grid_file(path, dataset, seeds=1, epochs=3):
    path.write_text(GRID.format(dataset=dataset, seeds=seeds, epochs=epochs))
    return path
