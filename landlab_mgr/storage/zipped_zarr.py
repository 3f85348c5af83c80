"""Backend of xarray for the files of runs: `xr.open_dataset("monthly.zarr.zip")` reads them, lazily."""

import os
from collections.abc import Iterable
from typing import Any

import xarray as xr
from xarray.backends import BackendEntrypoint

SUFFIX = ".zarr.zip"


class ZippedZarr(BackendEntrypoint):
    """One zipped zarr group in a file."""

    open_dataset_parameters = (
        *("filename_or_obj", "drop_variables", "mask_and_scale", "decode_times", "concat_characters"),
        *("decode_coords", "use_cftime", "decode_timedelta"),
    )
    description = "Open zarr groups that are zipped into one file (.zarr.zip)"

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        **options: Any,
    ) -> xr.Dataset:
        """Open a file; options are those of xarray's own zarr backend."""
        import zarr

        store = zarr.storage.ZipStore(os.fspath(filename_or_obj), mode="r")
        return xr.open_dataset(
            store,  # type: ignore[arg-type]
            engine="zarr",
            consolidated=False,
            drop_variables=drop_variables,
            **options,
        )

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Return True for the name of a zipped zarr file."""
        return isinstance(filename_or_obj, str | os.PathLike) and str(filename_or_obj).endswith(SUFFIX)
