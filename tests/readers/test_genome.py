import os
from pathlib import Path

import numpy as np
import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.readers import _genome
from finemo_zarr.readers._genome import open_genome
from finemo_zarr.sequence import decode


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "g.fa"
    path.write_text(">a first\nACGTN\nacgtr\nAC\n>b\nTTTT\n")
    return path


def test_open_genome__knows_names_and_lengths(fasta):
    assert open_genome(fasta).lengths == {"a": 12, "b": 4}


def test_windows__pad_beyond_the_ends(fasta):
    windows = open_genome(fasta).windows(
        np.array(["b", "a", "a", "a"], dtype=object), np.array([-2, 3, -9, 10]), 6
    )
    assert [decode(window) for window in windows] == ["NNTTTT", "TNACGT", "NNNNNN", "ACNNNN"]


def test_open_genome__makes_the_index_elsewhere_if_it_must(fasta, monkeypatch):
    def refuse(*args):
        raise PermissionError

    monkeypatch.setattr(_genome.shutil, "copyfile", refuse)
    genome = open_genome(fasta)
    assert genome.index.parent != fasta.parent
    assert decode(genome.windows(np.array(["a"]), np.array([0]), 4)[0]) == "ACGT"
    assert list(fasta.parent.iterdir()) == [fasta]


def test_open_genome__renews_an_old_index(fasta):
    genome = open_genome(fasta)
    fasta.write_text(">a\nACG\n")
    os.utime(genome.index, ns=(0, 0))
    assert open_genome(fasta).lengths == {"a": 3}


def test_open_genome__refuses_an_index_of_another_file(fasta):
    index = Path(f"{fasta}.fai")
    index.write_text("a\t500\t3\t50\t51\n")
    with pytest.raises(ReadError, match=r"its index g\.fa\.fai expects \d+: the file is truncated"):
        open_genome(fasta)
    index.write_text("nonsense\n")
    with pytest.raises(ReadError, match="cannot be read as a FASTA file"):
        open_genome(fasta)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"ACGT\n", "does not begin with '>'"),
        (b"\x1f\x8b\x08\x00\x00", "is compressed; decompress it first"),
        (b">a\nACGT\nAC\nACGT\n", "Line length of fasta file is not consistent"),
        (b">a\nAC\n>a\nACGT\n", "cannot be read as a FASTA file"),
    ],
)
def test_open_genome__refuses_what_is_no_fasta(tmp_path, content, message):
    path = tmp_path / "g.fa"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=message) as caught:
        open_genome(path)
    assert "g.fa" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_open_genome__refuses_a_missing_file(tmp_path):
    with pytest.raises(ReadError, match=r"g\.fa: no such file or directory; expected a FASTA"):
        open_genome(tmp_path / "g.fa")
