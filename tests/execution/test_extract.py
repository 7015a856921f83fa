from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from finemo_zarr import store
from finemo_zarr.errors import InputWarning, ReadError, RunError, SchemaError
from finemo_zarr.execution import extract_regions
from finemo_zarr.model import create_regions
from finemo_zarr.protocols import option


def changed(regions, edit):
    """A copy of the regions whose scores were edited in place."""
    copy = regions.copy(deep=True)
    edit(copy["region_contributions"].values)
    return copy


def test_extract__stores_regions_as_they_were_read(tmp_path: Path, reader, regions) -> None:
    opened = extract_regions(reader(regions), tmp_path / "r.zarr", jobs=2)
    assert opened.identical(store.open_regions(tmp_path / "r.zarr"))
    for name in regions.data_vars:
        np.testing.assert_array_equal(opened[name].values, regions[name].values)
    assert opened["region_contributions"].dtype == np.float32
    assert opened["region_sequence"].dtype == np.uint8


@pytest.mark.parametrize("chunk", [1, 7, 16, 25, 50])
@pytest.mark.parametrize("jobs", [1, 3])
def test_extract__blocks_and_jobs_change_nothing(
    tmp_path: Path, reader, regions, chunk, jobs
) -> None:
    opened = extract_regions(reader(regions, chunk), tmp_path / "r.zarr", jobs=jobs)
    np.testing.assert_array_equal(opened["region_sequence"], regions["region_sequence"])
    np.testing.assert_array_equal(opened["region_contributions"], regions["region_contributions"])


def test_extract__takes_hypothetical_scores(tmp_path: Path, reader, hypothetical_regions) -> None:
    opened = extract_regions(reader(hypothetical_regions), tmp_path / "r.zarr")
    scores = hypothetical_regions["region_contributions"]
    np.testing.assert_array_equal(opened["region_contributions"], scores)


def test_extract__takes_regions_without_coordinates(tmp_path: Path, reader, regions) -> None:
    bare = create_regions(regions["region_sequence"].data, regions["region_contributions"].data)
    opened = extract_regions(reader(bare), tmp_path / "r.zarr")
    assert "region_chrom" not in opened


def test_extract__keeps_tracks(tmp_path: Path, reader, regions) -> None:
    scores = regions["region_contributions"].values
    tracked = create_regions(
        regions["region_sequence"].data, np.stack([scores, -scores]), tracks=["liver", "brain"]
    )
    opened = extract_regions(reader(tracked), tmp_path / "r.zarr")
    assert opened["track"].values.tolist() == ["liver", "brain"]
    np.testing.assert_array_equal(opened["region_contributions"].sel(track="brain"), -scores)


def test_extract__takes_a_reader_that_is_not_lazy(tmp_path: Path, regions) -> None:
    @dataclass(frozen=True)
    class Eager:
        name: ClassVar[str] = "eager"
        summary: ClassVar[str] = "Regions in memory."

        def read(self):
            return regions

    opened = extract_regions(Eager(), tmp_path / "r.zarr")
    np.testing.assert_array_equal(opened["region_contributions"], regions["region_contributions"])


def test_extract__float16_and_float64_become_float32(tmp_path: Path, reader, regions) -> None:
    for dtype in (np.float16, np.float64):
        typed = regions.assign(region_contributions=regions["region_contributions"].astype(dtype))
        opened = extract_regions(reader(typed), tmp_path / f"{dtype.__name__}.zarr")
        expected = typed["region_contributions"].values.astype(np.float32)
        np.testing.assert_array_equal(opened["region_contributions"], expected)


def test_extract__some_nan_warns_with_count_and_region_and_reads_zero(
    tmp_path: Path, reader, regions
) -> None:
    def spoil(scores):
        scores[20, 3] = scores[40, :2] = np.nan

    label = regions["region_name"].values[20]
    expected = f"3 of 4000 scores are NaN, the first in {label} .*stored as 0"
    with pytest.warns(InputWarning, match=expected):
        opened = extract_regions(reader(changed(regions, spoil)), tmp_path / "r.zarr")
    assert opened["region_contributions"].values[20, 3] == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [(np.nan, "all 4000 scores are NaN"), (0, "all 4000 scores are zero or NaN")],
)
def test_extract__refuses_scores_that_say_nothing(
    tmp_path: Path, reader, regions, value, expected
) -> None:
    blank = changed(regions, lambda scores: scores.fill(value))
    with pytest.raises(ReadError, match=expected):
        extract_regions(reader(blank), tmp_path / "r.zarr")
    assert not list(tmp_path.iterdir())


def test_extract__refuses_infinite_scores_with_count_and_region(
    tmp_path: Path, reader, regions
) -> None:
    def spoil(scores):
        scores[33, 5], scores[34, :3] = -np.inf, np.inf

    label = regions["region_name"].values[33]
    with pytest.raises(ReadError, match=f"4 of 4000 scores are infinite, the first in {label}"):
        extract_regions(reader(changed(regions, spoil)), tmp_path / "r.zarr")
    assert not list(tmp_path.iterdir())


def test_extract__refuses_what_float32_cannot_hold(tmp_path: Path, reader, regions) -> None:
    huge = regions.assign(region_contributions=regions["region_contributions"].astype(float) * 1e60)
    with pytest.raises(ReadError, match="scores are infinite"):
        extract_regions(reader(huge), tmp_path / "r.zarr")


def test_extract__refuses_no_regions(tmp_path: Path, reader, regions) -> None:
    with pytest.raises(ReadError, match="found no regions"):
        extract_regions(reader(regions.isel(region=slice(0, 0))), tmp_path / "r.zarr")


def test_extract__refuses_what_is_no_regions_dataset(tmp_path: Path, reader, regions) -> None:
    with pytest.raises(SchemaError, match="region_sequence is missing"):
        extract_regions(reader(regions.drop_vars("region_sequence")), tmp_path / "r.zarr")


def test_extract__refuses_existing_output_before_reading(tmp_path: Path, reader) -> None:
    (tmp_path / "r.zarr").mkdir()
    (tmp_path / "r.zarr" / "zarr.json").write_text("{}")
    with pytest.raises(RunError, match=r"r.zarr: exists already"):
        extract_regions(reader(None), tmp_path / "r.zarr")


def test_extract__overwrites_a_store(regions_store: Path, reader, regions) -> None:
    fewer = regions.isel(region=slice(0, 20))
    extract_regions(reader(fewer), regions_store, overwrite=True)
    assert store.open_regions(regions_store).sizes["region"] == 20


def test_extract__full_disk_leaves_nothing(tmp_path: Path, reader, regions, full_disk) -> None:
    with pytest.raises(RunError, match=r"r.zarr: cannot be written, the disk is full"):
        extract_regions(reader(regions), tmp_path / "r.zarr")
    assert not list(tmp_path.iterdir())


def test_extract__keeps_how_it_was_made(tmp_path: Path, reader, regions) -> None:
    @dataclass(frozen=True)
    class FileReader(type(reader(regions))):
        name: ClassVar[str] = "file"
        scores: Path = option("-s", help="Scores.", default=None)

    (tmp_path / "scores.txt").write_text("1 2 3")
    made = replace(FileReader(regions), scores=tmp_path / "scores.txt")
    extract_regions(made, tmp_path / "r.zarr")
    info = store.read_info(tmp_path / "r.zarr", "regions")
    assert info.provenance["command"] == "extract-regions-file"
    assert info.provenance["options"] == {"scores": str(tmp_path / "scores.txt")}
    assert info.provenance["inputs"][0]["bytes"] == 5
