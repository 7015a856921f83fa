"""Hits of `modisco-scoring` as the published pipeline writes them: 16 columns without a header.

Chromosome, start, end, motif, strand, row of the peak, then the scores: signed and absolute sum of
the contributions, share of the region, mean weighted by information content, similarity to the
motif, modularity gain with its precision and percentile, and the percentiles of the sum and mean of
the similarities to the nearest seqlets. The strand is the fifth column, not the sixth as in BED.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from finemo_zarr.errors import SchemaError
from finemo_zarr.export._rows import append
from finemo_zarr.export._source import Source

if TYPE_CHECKING:
    import xarray as xr

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
_PATTERN = re.compile(r"(pos|neg)_patterns\.pattern_(\d+)")


def motif_key(name: str) -> str:
    """Metacluster and number of a pattern, ``0_3``; another name stays as it is."""
    found = _PATTERN.fullmatch(name)
    return name if found is None else f"{int(found[1] == 'neg')}_{found[2]}"


def write_tfm_bed(source: Source, path: Path) -> None:
    """Write the hits, sorted.

    Raises
    ------
    SchemaError
        If there are several tracks, or hits are not those of `modisco-scoring`.
    """
    import polars as pl

    _check(source)
    keys = _keys(source.opened.motifs)
    with path.open("wb") as file:
        for table in source.tables(source.places()):
            motif = pl.col("motif_name").replace_strict(keys, return_dtype=pl.String)
            append(
                file,
                table.with_columns(motif.alias("motif_name")).select(
                    "chr", "start", "end", "motif_name", "strand", "peak_id", *SCORES
                ),
            )


def _keys(motifs: "xr.Dataset") -> dict[str, str]:
    original = motifs.get("motif_name_orig", motifs["motif_name"]).values.tolist()
    return dict(zip(motifs["motif_name"].values.tolist(), map(motif_key, original), strict=True))


def _check(source: Source) -> None:
    if missing := [name for name in SCORES if name not in source.opened.hits]:
        raise SchemaError(
            f"{source.path}: the hits have no {', '.join(missing)}, which the format tfm-bed needs:"
            " call them with --solver modisco-scoring"
        )
    if len(names := source.track_names or []) > 1:
        raise SchemaError(
            f"{source.path}: the format tfm-bed has no place for the {len(names)} tracks: choose"
            " one with --track"
        )
