"""Directories that ship beside the package: migrations, the app, the bundled experiments."""

from pathlib import Path

from landlab_mgr.errors import LandlabError

NAMES = ("migrations", "app", "experiments")


def resource(name: str) -> Path:
    """Directory of a bundled resource, in an installed wheel or in the checkout.

    The wheel's copy is looked for first: in site-packages a directory called `app` beside the package
    may be anybody's, while a checkout never holds `_bundled`.
    """
    if name not in NAMES:
        raise LandlabError(f"no resource {name!r}; known: {', '.join(NAMES)}")
    package = Path(__file__).parents[1]
    for path in (package / "_bundled" / name, package.parent / name):
        if path.is_dir():
            return path
    raise LandlabError(f"{name}/ is missing from this installation; install landlab_mgr again")
