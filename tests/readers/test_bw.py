import struct
from dataclasses import replace
from pathlib import Path

import dask
import numpy as np
import pyBigWig
import pytest

from finemo_zarr.errors import InputWarning, ReadError
from finemo_zarr.model import validate


def test_bw__reads_windows_of_genome_and_bigwig(world, bw_reader):
    regions = validate(bw_reader().read(), "regions")
    np.testing.assert_array_equal(regions.region_sequence, world.codes(100))
    np.testing.assert_array_equal(regions.region_contributions, world.projected(100))
    assert regions.region_contributions.dtype == np.float32
    assert regions.region_chrom.values.tolist() == world.chrom
    assert regions.region_start.values.tolist() == (world.summit - 50).tolist()
    assert regions.region_end.values.tolist() == (world.summit + 50).tolist()
    assert regions.region_name.values.tolist() == world.name
    assert regions.region_id.values.tolist() == list(range(len(world.name)))
    assert regions.attrs["chrom_order"] == list(dict.fromkeys(world.chrom))


def test_bw__reads_odd_widths_around_the_summit(world, bw_reader):
    regions = bw_reader(region_width=31).read()
    np.testing.assert_array_equal(regions.region_contributions, world.projected(31))
    assert (regions.region_start.values + 15 == world.summit).all()


def test_bw__is_lazy(bw_reader, no_compute):
    regions = bw_reader().read()
    assert regions.region_sequence.chunks is not None
    assert regions.region_contributions.chunks is not None


@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
def test_bw__gives_the_same_in_any_block_cut(world, bw_reader, monkeypatch, scheduler):
    monkeypatch.setattr("finemo_zarr.readers._lazy.BLOCK_BYTES", 2800)
    regions = bw_reader().read()
    assert regions.region_contributions.data.numblocks == (6, 1)
    with dask.config.set(scheduler=scheduler):
        np.testing.assert_array_equal(regions.region_sequence, world.codes(100))
        np.testing.assert_array_equal(regions.region_contributions, world.projected(100))


def test_bw__averages_several_files(world, bw_reader, tmp_path):
    track = {chrom: np.full(len(letters), np.nan) for chrom, letters in world.genome.items()}
    track["chr2"][:1000] = 3
    second = replace(world, folder=tmp_path / "second", track=track)
    second.folder.mkdir()
    regions = bw_reader(bigwigs=(world.bigwig, second.bigwig)).read()
    mean = (world.projected(100) + second.projected(100)) / 2
    np.testing.assert_allclose(regions.region_contributions, mean, rtol=1e-6)


def test_bw__sorts_chromosomes_as_asked(bw_reader, tmp_path):
    order = tmp_path / "order.txt"
    order.write_text("chr9\t100\nchr1\t5000\n")
    assert bw_reader(chrom_order=order).read().attrs["chrom_order"] == ["chr9", "chr1", "chr2"]


def test_bw__makes_the_index_once(world, bw_reader):
    bw_reader().read()
    index = Path(f"{world.fasta}.fai")
    made = index.stat().st_mtime_ns
    bw_reader().read()
    assert index.stat().st_mtime_ns == made
    assert sorted(path.name for path in world.folder.iterdir() if "genome" in path.name) == [
        "genome.fa",
        "genome.fa.fai",
    ]


@pytest.mark.parametrize("what", ["fasta", "bigwigs", "peaks", "chrom_order"])
def test_bw__names_a_missing_file(bw_reader, what):
    gone = Path("gone.file")
    with pytest.raises(ReadError, match=r"gone\.file: no such file"):
        bw_reader(**{what: (gone,) if what == "bigwigs" else gone}).read()


def test_bw__refuses_no_bigwig(bw_reader):
    with pytest.raises(ReadError, match="no bigWig files given"):
        bw_reader(bigwigs=()).read()


@pytest.mark.parametrize("width", [0, -5])
def test_bw__refuses_a_width_that_is_none(bw_reader, width):
    with pytest.raises(ReadError, match=f"region width is {width}"):
        bw_reader(region_width=width).read()


def test_bw__refuses_what_is_no_bigwig(bw_reader, tmp_path):
    text = tmp_path / "text.bw"
    text.write_text("chr1\t1\t2\t0.5\n")
    with pytest.raises(ReadError, match=r"text\.bw is not a bigWig file"):
        bw_reader(bigwigs=(text,)).read()
    for order in "<>":
        text.write_bytes(struct.pack(f"{order}I", 0x8789F2EB) + bytes(100))
        with pytest.raises(ReadError, match="it is a bigBed file"):
            bw_reader(bigwigs=(text,)).read()


@pytest.mark.parametrize("size", [6, 63, 64, 100, 400, 0.5, 0.9])
def test_bw__refuses_a_truncated_bigwig(world, bw_reader, tmp_path, size):
    content = world.bigwig.read_bytes()
    short = tmp_path / "short.bw"
    short.write_bytes(content[: int(size if size > 1 else size * len(content))])
    with pytest.raises(ReadError, match=r"short\.bw is truncated: \d+ bytes"):
        bw_reader(bigwigs=(short,)).read()


def test_bw__names_a_damaged_bigwig_when_it_is_read(world, bw_reader, tmp_path, capfd):
    content = bytearray(world.bigwig.read_bytes())
    (index,) = struct.unpack_from("<Q", content, 24)
    content[index : index + 4] = b"\0\0\0\0"
    damaged = tmp_path / "damaged.bw"
    damaged.write_bytes(content)
    with pytest.raises(ReadError, match=r"damaged\.bw cannot be read"):
        bw_reader(bigwigs=(damaged,)).read().compute()


def test_bw__refuses_another_genome_build(world, bw_reader):
    world.genome["chr1"] += "A"
    with pytest.raises(ReadError, match=r"chr1 is 5000 bp long in .*scores\.bw, 5001 bp in"):
        bw_reader().read()


def test_bw__refuses_a_chromosome_that_the_bigwig_lacks(world, bw_reader, tmp_path):
    other = tmp_path / "other.bw"
    with pyBigWig.open(str(other), "w") as file:
        file.addHeader([("chr1", 5000)])
        file.addEntries("chr1", 0, values=[1.0], span=1, step=1)
    with pytest.raises(ReadError, match=r"does not have chromosome chr2.*it has chr1"):
        bw_reader(bigwigs=(other,)).read()


def test_bw__refuses_a_chromosome_that_the_genome_lacks(world, bw_reader):
    world.chrom[5] = "7"
    with pytest.raises(
        ReadError, match=r"does not have chromosome 7 of the peaks; it has chr2, chr1\. Is it"
    ):
        bw_reader().read()


def test_bw__hints_at_the_prefix_of_chromosomes(world, bw_reader):
    world.chrom[:] = [chrom.removeprefix("chr") for chrom in world.chrom]
    with pytest.raises(ReadError, match=r"prefix 'chr': [12] against chr[12]"):
        bw_reader().read()


@pytest.mark.parametrize("summit", [5050, 10_000])
def test_bw__refuses_a_region_off_its_chromosome(world, bw_reader, summit):
    row = world.chrom.index("chr1")
    world.summit[row], world.end[row] = summit, summit + 1
    with pytest.raises(ReadError, match=rf"off the chromosome: 1, first peak{row} .*5000 bp long"):
        bw_reader().read()
    world.summit[row] = 5049
    assert (bw_reader().read().region_sequence[row].values != 4).sum() == 1


def test_bw__takes_whole_peaks_of_different_widths(world, bw_reader, tmp_path):
    lines = [line.split("\t") for line in world.peaks().read_text().splitlines() if line.strip()]
    for index, line in enumerate(lines):
        line[2] = str(int(line[1]) + 20 + 7 * index)
        line[9] = "-1"
    peaks = tmp_path / "ragged.narrowPeak"
    peaks.write_text("".join("\t".join(line) + "\n" for line in lines))
    regions = bw_reader(peaks=peaks, whole_peaks=True).read().compute()
    widths = 20 + 7 * np.arange(len(lines))
    np.testing.assert_array_equal(regions.region_width, widths)
    np.testing.assert_array_equal(regions.region_end - regions.region_start, widths)
    behind = np.arange(widths.max()) >= widths[:, None]
    assert (regions.region_sequence.values[behind] == 4).all()
    assert (regions.region_contributions.values[behind] == 0).all()
    for index, width in enumerate(widths.tolist()):
        alone = peaks.with_suffix(".one")
        alone.write_text("\t".join(lines[index]) + "\n")
        one = bw_reader(peaks=alone, whole_peaks=True).read().compute()
        assert "region_width" not in one
        for name in ("region_sequence", "region_contributions"):
            np.testing.assert_array_equal(one[name][0], regions[name][index, :width])


def test_bw__warns_of_one_peak_that_pads_all_others(world, bw_reader, tmp_path):
    peaks = tmp_path / "wide.bed"
    narrow = "".join(f"chr1\t{start}\t{start + 10}\n" for start in range(0, 400, 10))
    peaks.write_text(narrow + "chr1\t0\t1500\tbroad\n")
    with pytest.warns(InputWarning, match=r"padded to the widest, broad .*1500 bp"):
        bw_reader(peaks=peaks, whole_peaks=True).read()
