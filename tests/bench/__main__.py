"""`uv run python -m tests.bench NAME`."""

import sys

from landlab_mgr.errors import LandlabError
from landlab_mgr.training import device
from landlab_mgr.workspace.display import errors

from .commands import app

if __name__ == "__main__":
    device.configure()
    try:
        app(prog_name="python -m tests.bench")
    except LandlabError as error:
        errors.print(f"error: {error}", markup=False, soft_wrap=True)
        sys.exit(2)
