from pathlib import Path

import pytest

from finemo_zarr.errors import ReadError, SchemaError
from finemo_zarr.execution import load_motifs
from finemo_zarr.testing import write_modisco_h5


def test_load_motifs__takes_files_and_stores(tmp_path: Path, raw_motifs, hits_store) -> None:
    write_modisco_h5(raw_motifs.isel(motif=slice(0, 2)), tmp_path / "m.h5")
    names = raw_motifs["motif_name"].values.tolist()
    assert load_motifs([tmp_path / "m.h5"])["motif_name"].values.tolist() == names[:2]
    assert load_motifs([hits_store])["motif_name"].values.tolist() == names
    assert load_motifs([hits_store.parent])["motif_name"].values.tolist() == names


def test_load_motifs__refuses_names_that_occur_twice(hits_store) -> None:
    with pytest.raises(SchemaError, match="occur in more than one motif file"):
        load_motifs([hits_store, hits_store])


def test_load_motifs__refuses_a_regions_store(regions_store) -> None:
    with pytest.raises(ReadError, match="a regions store, expected a hits store"):
        load_motifs([regions_store])
