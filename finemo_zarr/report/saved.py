"""Tables and datasets that a report leaves beside its page."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from finemo_zarr.store import new_group, write_dataset

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr


_DIGITS = 6


def save_tables(folder: str | Path, tables: Mapping[str, "pl.DataFrame"]) -> None:
    """Write tables as ``<name>.tsv`` into a folder, which is made if it is not there.

    Numbers have six digits, or all that are before the point.

    Parameters
    ----------
    folder : path
        Where to.
    tables : mapping of str to polars.DataFrame
        Tables by name.
    """
    import polars as pl

    # Six digits, not decimals: a p-value of 1e-12 is not zero. None before the point is lost.
    each = pl.selectors.float()
    large = each.abs() >= 10**_DIGITS
    rounded = pl.when(large).then(each.round()).otherwise(each.round_sig_figs(_DIGITS))
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        written = table.with_columns(rounded, pl.col(pl.String).replace("", None))  # not as ""
        text = written.write_csv(separator="\t")
        (folder / f"{name}.tsv").write_bytes(text.encode())


def save_datasets(path: str | Path, datasets: Mapping[str, "xr.Dataset"]) -> None:
    """Write datasets as groups of a Zarr store, each to be opened by xarray.

    Names of motifs are coordinates, so that no matrix is without them.

    Parameters
    ----------
    path : path
        The store, where there is none yet.
    datasets : mapping of str to xarray.Dataset
        Datasets by name of the group.
    """
    path = Path(path)
    new_group(path)
    for name, dataset in datasets.items():
        write_dataset(new_group(path, name), dataset)
