"""Numbers of a report beside its page: tables of six digits, and datasets in a Zarr store."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from finemo_zarr.report.saved import save_datasets

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

STORE = "report.zarr"
_DIGITS = 6


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
    import polars as pl

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        rounded = table.with_columns(pl.selectors.float().round_sig_figs(_DIGITS))
        with (folder / f"{name}.tsv").open("wb") as file:
            file.write(rounded.write_csv(separator="\t").encode())
    if datasets:
        save_datasets(folder / STORE, datasets)
