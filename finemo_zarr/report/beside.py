"""Numbers of a report beside its page: tables of six digits, and datasets in a Zarr store."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from finemo_zarr.report.saved import save_datasets, save_tables

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

STORE = "report.zarr"


def save(
    folder: str | Path,
    tables: Mapping[str, "pl.DataFrame"],
    datasets: Mapping[str, "xr.Dataset"],
) -> None:
    """Write ``<name>.tsv`` for each table, and ``report.zarr`` with a group for each dataset.

    A group is read by ``xarray.open_zarr("report.zarr", group=name, consolidated=False)``.

    Parameters
    ----------
    folder : path
        Where to; made if it is not there.
    tables : mapping of str to polars.DataFrame
        Numbers are written with six digits that count.
    datasets : mapping of str to xarray.Dataset
        Names stand beside matrices as coordinates.
    """
    save_tables(folder, tables)
    if datasets:
        save_datasets(Path(folder) / STORE, datasets)
