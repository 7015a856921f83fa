import re

import numpy as np
import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._integrity import differences
from finemo_zarr.sequence import NO_BASE

ALL = list(range(40))


def shifted(dropped):
    return [row for row in ALL if row not in dropped]


def read(world, stored_reader, rows, peaks=None):
    return stored_reader(
        seq=world.sequences(rows),
        scores=world.scores(rows),
        peaks=world.peaks() if peaks is None else peaks,
        fasta=world.fasta,
    ).read()


def test_integrity__passes_what_is_right(world, stored_reader):
    read(world, stored_reader, ALL)


def test_integrity__does_not_read_the_scores(world, stored_reader, no_compute):
    read(world, stored_reader, ALL)


def test_integrity__names_the_peak_that_was_dropped(world, stored_reader):
    # The last row is there twice, so that the numbers fit.
    with pytest.raises(ReadError) as caught:
        read(world, stored_reader, [*shifted({12}), 39])
    message = str(caught.value)
    assert re.search(r"of 27 of 40 regions are not those of genome\.fa", message)
    assert re.search(r"first peak12 \(row 12, chr\d:\d+-\d+\): \d+ of 100 bases; peak13", message)
    assert "From row 12 on, the scores match the peak 1 row later" in message
    assert "one peak was dropped upstream (peak12); name it with --dropped" in message
    assert "\n" not in message


def test_integrity__names_several_peaks_that_were_dropped(world, stored_reader):
    with pytest.raises(ReadError, match=r"From row 8 on, .* 3 rows later .*\(peak8, peak9, peak10"):
        read(world, stored_reader, [*shifted({8, 9, 10}), 39, 39, 39])


def test_integrity__finds_peaks_that_were_taken_out_of_the_peak_file(world, stored_reader):
    peaks = world.peaks([*shifted({6, 7}), 39, 39])
    with pytest.raises(
        ReadError,
        match=r"From row 8 on, .* 2 rows earlier \(20 rows compared\): the peak file lacks",
    ):
        read(world, stored_reader, ALL, peaks)


def test_integrity__finds_the_dropped_peak_when_the_numbers_differ(world, stored_reader):
    with pytest.raises(
        ReadError, match=r"has 40 peaks, .* of 39 regions: .*one peak was dropped .*\(peak30\)"
    ):
        read(world, stored_reader, shifted({30}))


def test_integrity__says_when_only_the_end_is_missing(world, stored_reader):
    with pytest.raises(ReadError, match="The first 38 match the genome"):
        read(world, stored_reader, ALL[:38])


def test_integrity__finds_another_centre(world, stored_reader):
    rows = ALL
    world.summit[:] += 3
    sequences = world.sequences(rows)
    world.summit[:] -= 3
    with pytest.raises(ReadError, match="lies 3 bp further right"):
        stored_reader(seq=sequences, peaks=world.peaks(), fasta=world.fasta).read()


def test_integrity__says_when_no_shift_explains_it(world, stored_reader):
    sequences = world.sequences()[..., ::-1]
    with pytest.raises(ReadError, match="No shift of up to 50 rows explains it"):
        stored_reader(seq=sequences, peaks=world.peaks(), fasta=world.fasta).read()


def test_integrity__refuses_one_base_and_tolerates_a_gap(world, stored_reader):
    sequences = world.sequences()
    sequences[20, :, 60] = 0
    stored_reader(seq=sequences, peaks=world.peaks(), fasta=world.fasta).read()
    sequences = world.sequences()
    sequences[20, :, 60] = np.roll(sequences[20, :, 60], 1)
    with pytest.raises(ReadError, match=r"1 of 40 regions .* first peak20 .*: 1 of 100 bases"):
        stored_reader(seq=sequences, peaks=world.peaks(), fasta=world.fasta).read()


def test_integrity__refuses_unknown_chromosomes(world, stored_reader):
    world.chrom[:] = [chrom.removeprefix("chr") for chrom in world.chrom]
    with pytest.raises(ReadError, match="prefix 'chr'"):
        stored_reader(
            seq=np.zeros((40, 4, 120), np.int8), peaks=world.peaks(), fasta=world.fasta
        ).read()


def test_differences__counts_bases_and_ignores_few_gaps():
    stored = np.zeros((4, 100), np.uint8)
    expected = stored.copy()
    expected[1, 0] = 1
    expected[2, :5] = NO_BASE
    stored[3, :6] = NO_BASE
    assert differences(stored, expected).tolist() == [0, 1, 0, 6]
