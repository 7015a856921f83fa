from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from finemo_zarr_tisfm import sources
from finemo_zarr_tisfm.data import (
    PARTS,
    SignalData,
    read_splits,
    split_at_random,
    split_by_chromosome,
    spread_of,
)
from finemo_zarr_tisfm.options import DataOptions, recorded_data

from finemo_zarr import create_regions, extract_regions
from finemo_zarr.errors import InputWarning, ReadError, RunError, SchemaError
from finemo_zarr.testing import write_bigwig, write_fasta, write_narrowpeak


def read(files: Path, **options) -> SignalData:
    given = {"signal": files / "signal.tsv", "sequences": files / "sequences.tsv"}
    return DataOptions(**({"window_size": 60} | given | options)).read_data()


def test_tables__give_what_they_hold(files, data) -> None:
    found = read(files)
    assert np.array_equal(found.codes, data.codes)
    np.testing.assert_allclose(found.signal, data.signal)
    assert (found.names, found.tracks) == (data.names, data.tracks)


def test_tables__are_joined_by_name_and_may_come_from_r(files, data) -> None:
    lines = (files / "sequences.tsv").read_text().splitlines()
    (files / "sequences.tsv").write_text("\n".join(lines[::-1]) + "\n")
    header, *rows = (files / "signal.tsv").read_text().splitlines()
    (files / "signal.tsv").write_text("\n".join([header.partition("\t")[2], *rows]) + "\n")
    found = read(files)
    assert np.array_equal(found.codes, data.codes)
    assert found.tracks == data.tracks


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("signal.tsv", "x\tB\na\t1\na\t2\n", "a occurs more than once"),
        ("signal.tsv", "x\tB\na\tmuch\n", "not a number"),
        ("signal.tsv", "x\tB\tC\tD\na\t1\t2\n", "3 names|4|names of tracks"),
        ("signal.tsv", "x\na\n", "one column"),
        ("signal.tsv", "x\tB\tB\na\t1\t2\n", "B occurs more than once"),
        ("signal.tsv", "x\tB\t\na\t1\t2\n", "cannot be named ''"),
        ("signal.tsv", "x\tB\tall tracks\na\t1\t2\n", "cannot be named 'all tracks'"),
        ("sequences.tsv", "peak0\t\n", "no sequence of 239"),
        ("sequences.tsv", "a\tACGT\n", "no sequence of 240 regions, first peak0"),
        ("sequences.tsv", "peak0\tACGT\npeak1\tACGT\n", "no sequence of 238"),
    ],
)
def test_tables__that_are_faulty_are_refused(files, name, text, message) -> None:
    (files / name).write_text(text)
    with pytest.raises(ReadError, match=message):
        read(files)


def test_tables__keep_names_as_they_are_written(files) -> None:
    (files / "signal.tsv").write_text('"B"\t"T"\n"007"\t1\t2\n"NA"\t3\t4.5\n')
    (files / "sequences.tsv").write_text("007\tACGTN\nNA\tTTTTT\n")
    found = read(files, window_size=None, validation_share=0.0, test_share=0.0)
    assert (found.names, found.tracks) == (("007", "NA"), ("B", "T"))
    assert found.signal.tolist() == [[1, 2], [3, 4.5]]


def test_signal__that_is_missing_is_named(files) -> None:
    for missing in ("NA", "nan", "", "inf"):
        (files / "signal.tsv").write_text(f"x\tB\npeak0\t1\npeak1\t{missing}\n")
        with pytest.raises(SchemaError, match=r"not finite, first peak1"):
            read(files)


def test_sequences__that_are_empty_are_refused(files) -> None:
    lines = (files / "sequences.tsv").read_text().splitlines()
    (files / "sequences.tsv").write_text("\n".join([*lines[:-1], "peak239\t"]) + "\n")
    with pytest.raises(ReadError, match="peak239 has 0 bp, expected 60"):
        read(files, window_size=None)


def test_sequences__of_another_length_are_refused(files) -> None:
    with pytest.raises(ReadError, match="peak0 has 60 bp, expected 300"):
        read(files, window_size=300)


def test_store__is_joined_with_a_table_by_name(files, data, tmp_path) -> None:
    coordinates = {
        "chrom": data.chroms,
        "start": np.arange(240) * 100,
        "end": np.arange(240) * 100 + 60,
        "name": data.names,
        "id": np.arange(240),
    }
    scores = np.ones(data.codes.shape, np.float32)
    store = tmp_path / "regions.zarr"
    made = create_regions(data.codes, scores, coordinates=coordinates)
    write_store(made, store)
    middle = read(files, sequences=None, regions=store, window_size=31)
    assert np.array_equal(middle.codes, data.codes[:, 15:46])
    with pytest.raises(SchemaError, match="regions of 60 bp, of which --window-size 61 cannot"):
        read(files, sequences=None, regions=store, window_size=61)
    ragged = create_regions(
        data.codes, scores, coordinates=coordinates, widths=np.r_[50, np.full(239, 60)]
    )
    write_store(ragged, tmp_path / "ragged.zarr")
    with pytest.raises(SchemaError, match="regions of 50 to 60 bp, expected one width"):
        read(files, sequences=None, regions=tmp_path / "ragged.zarr")
    table = pl.read_csv(files / "signal.tsv", separator="\t")
    table[::-2].write_csv(files / "signal.tsv", separator="\t")
    with pytest.warns(InputWarning, match="120 of 240 regions"):
        found = read(files, sequences=None, regions=store, validation_chroms=("chr2",))
    assert np.array_equal(found.codes, data.codes[::-2])
    np.testing.assert_allclose(found.signal, data.signal[::-2])
    assert (found.chroms[found.parts["validation"]] == "chr2").all()


def write_store(regions, path: Path) -> None:
    from dataclasses import dataclass
    from typing import ClassVar

    @dataclass(frozen=True)
    class Made:
        name: ClassVar[str] = "made"
        summary: ClassVar[str] = "Made."

        def read(self):
            return regions.chunk({"region": 100})

    extract_regions(Made(), path, jobs=1)


def test_bigwigs__give_the_logarithm_of_their_means(tmp_path, data) -> None:
    values = np.abs(data.signal)
    start = np.arange(240) * 100 + 50
    coordinates = {"chrom": ["chr1"] * 240, "start": start, "end": start + 60}
    coordinates |= {"name": data.names, "id": np.arange(240)}
    for track, column in enumerate(values.T):
        scores = np.repeat(column[:, None], 60, axis=1)
        regions = create_regions(data.codes, scores, coordinates=coordinates)
        sizes = write_fasta(regions, tmp_path / "genome.fa")
        write_narrowpeak(regions, tmp_path / "peaks.narrowPeak")
        write_bigwig(regions, tmp_path / f"{'BT'[track]}.bw", sizes)
    options = DataOptions(
        peaks=tmp_path / "peaks.narrowPeak",
        fasta=tmp_path / "genome.fa",
        bigwigs=(tmp_path / "B.bw", tmp_path / "T.bw"),
        window_size=60,
    )
    found = options.read_data()
    assert np.array_equal(found.codes, data.codes)
    np.testing.assert_allclose(found.signal, np.log1p(values), atol=1e-5)
    assert found.tracks == ("B", "T")
    assert found.names[0] == "chr1:50-110"
    again = recorded_data(options.data_values()).read_data()
    assert np.array_equal(again.signal, found.signal)
    negative = create_regions(
        data.codes, -np.ones(data.codes.shape, np.float32), coordinates=coordinates
    )
    write_bigwig(negative, tmp_path / "B.bw", sizes)
    with pytest.raises(ReadError, match="negative"):
        options.read_data()


def test_zscore__is_that_of_the_training_regions(files) -> None:
    found = read(files, zscore=True)
    known = found.signal[found.parts["train"]]
    np.testing.assert_allclose(known.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(known.std(axis=0), 1, atol=1e-5)


def test_zscore__leaves_a_constant_track_alone(data) -> None:
    flat = replace(data, signal=np.full_like(data.signal, 0.1))
    assert not spread_of(flat.signal).any()
    np.testing.assert_allclose(flat.standardised().signal, 0, atol=1e-6)


def test_splits__of_a_folder_are_read_and_checked(files) -> None:
    rows = {"train": [4, 3], "validation": [0], "test": [1, 2]}
    for part, chosen in rows.items():
        np.save(files / f"{part}_split.npy", np.array(chosen))
    found = read(files, splits=files)
    assert {part: found.parts[part].tolist() for part in PARTS} == rows
    for wrong, message in (
        ([0.5], "row numbers"),
        ([999], "expected 0 to 239"),
        ([4], "two parts"),
    ):
        np.save(files / "validation_split.npy", np.array(wrong))
        with pytest.raises(ReadError, match=message):
            read(files, splits=files)
    (files / "test_split.npy").unlink()
    np.save(files / "validation_split.npy", np.array([0]))
    with pytest.raises(ReadError, match=r"test_split\.npy"):
        read_splits(files, 240)


def test_splits__leave_no_row_out_and_none_twice() -> None:
    for seed in range(3):
        parts = split_at_random(101, 0.2, 0.3, seed)
        assert sorted(np.concatenate(list(parts.values()))) == list(range(101))
    with pytest.raises(SchemaError, match="leave nothing"):
        split_at_random(10, 0.5, 0.5, 0)
    with pytest.raises(SchemaError, match="no region lies on chr9"):
        split_by_chromosome(np.array(["chr1"]), ["chr9"], [])
    with pytest.raises(SchemaError, match="have no chromosomes"):
        split_by_chromosome(None, ["chr9"], [])
    with pytest.raises(SchemaError, match="chr1 cannot be"):
        split_by_chromosome(np.array(["chr1"]), ["chr1"], ["chr1"])


def test_splits__in_two_ways_are_refused(files) -> None:
    for wrong in ({"splits": files}, {"test_share": 0.3}):
        with pytest.raises(RunError, match="are two ways to split"):
            read(files, validation_chroms=("chr2",), **wrong)


def test_data__that_are_not_clear_are_refused(files) -> None:
    with pytest.raises(RunError, match="not clear from --regions: give -s with"):
        DataOptions(regions=files).read_data()
    for wrong in ({"sequences": None}, {"regions": files}, {"peaks": files}):
        with pytest.raises(RunError, match="say what to train on"):
            read(files, **wrong)
    with pytest.raises(SchemaError, match=r"not finite, first x"):
        SignalData(np.zeros((1, 4), np.uint8), np.array([[np.nan]]), ("x",), ("t",))
    with pytest.raises(SchemaError, match=r"expected \(1, 2\): regions, tracks"):
        SignalData(np.zeros((1, 4), np.uint8), np.zeros((1, 1)), ("x",), ("s", "t"))
    assert sources.read_signal(files / "signal.tsv").tracks == ("B", "T")
