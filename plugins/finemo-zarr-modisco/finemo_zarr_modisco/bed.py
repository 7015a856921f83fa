"""Hits as the published pipeline writes them: a BED of 16 columns, without a header."""

import re
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from finemo_zarr.errors import SchemaError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from finemo_zarr.store import HitsStore

SCORES = (
    "hit_coefficient",
    "hit_importance",
    "hit_imp_frac",
    "hit_imp_ic_avg",
    "hit_agg_sim",
    "hit_mod_delta",
    "hit_mod_precision",
    "hit_mod_percentile",
    "hit_fann_sum_percentile",
    "hit_fann_avg_percentile",
)
"""Columns 6 to 15; those before are chromosome, start, end, motif, strand and row of the peak."""
_AT_ONCE = 2**16
_NAME = re.compile(r"(pos|neg)_patterns\.pattern_(\d+)")


def motif_key(name: str) -> str:
    """Metacluster and number of a pattern, ``0_3``; another name stays as it is."""
    found = _NAME.fullmatch(name)
    return name if found is None else f"{int(found[1] == 'neg')}_{found[2]}"


def write_tfm_bed(opened: "HitsStore", file: BinaryIO) -> int:
    """Write the hits of a store in the order that they have there.

    Parameters
    ----------
    opened : HitsStore
        Hits of `modisco-scoring`.
    file : binary file
        Where to write.

    Returns
    -------
    int
        How many hits there were.

    Raises
    ------
    SchemaError
        If the regions have no coordinates, there are tracks, or a column is missing.
    """
    regions, motifs, hits = opened.regions, opened.motifs, opened.hits
    _check(opened)
    names = motifs.get("motif_name_orig", motifs["motif_name"]).values
    keys = np.array([motif_key(str(name)) for name in names], dtype=object)
    strands = motifs["motif_strand"].values.astype(object)
    chrom, offset, number = (regions[f"region_{name}"].values for name in ("chrom", "start", "id"))
    count = hits.sizes["hit"]
    for first in range(0, count, _AT_ONCE):
        part = hits.isel(hit=slice(first, first + _AT_ONCE))
        region, motif = part["hit_region"].values, part["hit_motif"].values
        columns: list[NDArray[Any]] = [
            chrom[region],
            offset[region] + part["hit_start"].values,
            offset[region] + part["hit_end"].values,
            keys[motif],
            strands[motif],
            number[region],
            *(part[name].values for name in SCORES),
        ]
        lines = ("\t".join(map(str, row)) for row in zip(*columns, strict=True))
        file.writelines(f"{line}\n".encode() for line in lines)
    return count


def _check(opened: "HitsStore") -> None:
    if "region_chrom" not in opened.regions:
        raise SchemaError(
            "the regions have no coordinates, which a BED needs: extract them with peaks"
        )
    if missing := [name for name in SCORES if name not in opened.hits]:
        raise SchemaError(
            f"the hits have no {', '.join(missing)}: call them with --solver modisco-scoring"
        )
    if "hit_track" in opened.hits:
        raise SchemaError("hits of several tracks have no place in this format: call one track")
