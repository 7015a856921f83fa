"""For tests of plugins and of the package itself: simulated data, files, contracts, strategies.

:mod:`~finemo_zarr.testing.simulate` makes data with a known truth and
:mod:`~finemo_zarr.testing.files` writes them in every format the package reads. Both need nothing
but the package. :mod:`~finemo_zarr.testing.contracts` needs pytest and
:mod:`~finemo_zarr.testing.strategies` needs Hypothesis, so these two are imported by name.
"""

from finemo_zarr.testing.files import (
    write_bigwig,
    write_bpnet_h5,
    write_chrombpnet_h5,
    write_fasta,
    write_finemo_npz,
    write_meme,
    write_modisco_h5,
    write_modisco_npz,
    write_narrowpeak,
)
from finemo_zarr.testing.simulate import simulate_blocks, simulate_motifs, simulate_regions

__all__ = [
    "simulate_blocks",
    "simulate_motifs",
    "simulate_regions",
    "write_bigwig",
    "write_bpnet_h5",
    "write_chrombpnet_h5",
    "write_fasta",
    "write_finemo_npz",
    "write_meme",
    "write_modisco_h5",
    "write_modisco_npz",
    "write_narrowpeak",
]
