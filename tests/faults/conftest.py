"""Inputs of the fault tests."""

import pytest
from killable import N_REGIONS, WIDTH, Inputs, finish

from finemo_zarr.testing import (
    simulate_motifs,
    simulate_regions,
    write_bigwig,
    write_fasta,
    write_modisco_h5,
    write_narrowpeak,
)


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    folder = tmp_path_factory.mktemp("inputs")
    motifs = simulate_motifs(6, 20, (6, 12), seed=4)
    regions, _ = simulate_regions(motifs, N_REGIONS, WIDTH, seed=4)
    write_modisco_h5(motifs, folder / "modisco.h5")
    write_bigwig(regions, folder / "scores.bw", write_fasta(regions, folder / "genome.fa"))
    write_narrowpeak(regions, folder / "peaks.narrowPeak")
    made = Inputs(folder)
    finish(made.extract(folder / "regions.zarr"))
    finish(made.call(folder / "hits"))
    return made
