"""The motifs of a hits store in the layout of a TF-MoDISco-lite result, hits as seqlets."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finemo_zarr.export._matrices import Motif, each_motif
from finemo_zarr.export._rows import Columns
from finemo_zarr.export._source import Source

_PATTERN = re.compile(r"(pos|neg)_patterns\.pattern_(\d+)")
_SEQLET_TYPES = {
    "example_idx": np.int64,
    "start": np.int64,
    "end": np.int64,
    "is_revcomp": np.bool_,
}
_CHUNK = 2**12


def write_modisco_h5(source: Source, path: Path) -> None:
    """Write ``contrib_scores``, ``hypothetical_contribs``, ``sequence`` and seqlets of each motif.

    A pattern keeps the place that its motif has in the TF-MoDISco result it came from; else
    patterns are numbered, positive ones and negative ones, by the sign of their contributions. The
    attributes of a pattern hold the name of the motif and say which matrices were made. Seqlets
    are the hits, untrimmed, in coordinates of the regions.
    """
    import h5py

    motifs = list(each_motif(source))
    with h5py.File(path, "w") as file:
        file.attrs["window_size"] = int(source.opened.regions.attrs["region_width"])
        for group in ("pos_patterns", "neg_patterns"):
            file.create_group(group)
        patterns = {
            motif.name: _write_pattern(file.create_group(place), motif)
            for motif, place in zip(motifs, _places(motifs), strict=True)
        }
        _write_seqlets(source, patterns)
        for group in ("pos_patterns", "neg_patterns"):
            if not len(file[group]):
                del file[group]


def _places(motifs: Sequence[Motif]) -> list[str]:
    """Where each pattern stands, ``pos_patterns/pattern_0``."""
    found = [_PATTERN.fullmatch(motif.name_orig) for motif in motifs]
    kept = [f"{match[1]}_patterns/pattern_{int(match[2])}" for match in found if match is not None]
    if len(set(kept)) == len(motifs):
        return kept
    counts, places = {"pos": 0, "neg": 0}, []
    for motif, match in zip(motifs, found, strict=True):
        positive = motif.cwm.sum() >= 0 if match is None else match[1] == "pos"
        sign = "pos" if positive else "neg"
        places.append(f"{sign}_patterns/pattern_{counts[sign]}")
        counts[sign] += 1
    return places


def _write_pattern(group: Any, motif: Motif) -> Any:
    """Write the matrices, ``(width, 4)``; returns the group of the seqlets."""
    group["contrib_scores"] = motif.cwm.T
    group["hypothetical_contribs"] = motif.hcwm.T
    group["sequence"] = motif.ppm.T
    group.attrs["motif_name"] = motif.name
    if not motif.has_hcwm:
        group.attrs["hypothetical_contribs"] = "none: contrib_scores stand in"
    if not motif.has_ppm:
        group.attrs["sequence"] = "none: made from contrib_scores"
    seqlets = group.create_group("seqlets")
    for name, dtype in _SEQLET_TYPES.items():
        seqlets.create_dataset(
            name, (0,), dtype, maxshape=(None,), chunks=(_CHUNK,), compression="gzip"
        )
    return seqlets


def _write_seqlets(source: Source, patterns: dict[str, Any]) -> None:
    motifs = source.opened.motifs
    names, strands = (motifs[f"motif_{name}"].values.tolist() for name in ("name", "strand"))
    columns = ["hit_region", "hit_motif", "hit_start_untrimmed", "hit_end_untrimmed"]
    for block in source.blocks(columns):
        order = np.argsort(block["hit_motif"], kind="stable")
        sorted_motifs = block["hit_motif"][order]
        for motif in np.unique(sorted_motifs).tolist():
            low, high = np.searchsorted(sorted_motifs, [motif, motif + 1])
            _append(patterns[names[motif]], block, order[low:high], reverse=strands[motif] == "-")
    for seqlets in patterns.values():
        seqlets["n_seqlets"] = np.array([len(seqlets["start"])], dtype=np.int64)


def _append(seqlets: Any, block: Columns, rows: Any, *, reverse: bool) -> None:
    values = {
        "example_idx": block["hit_region"][rows],
        "start": block["hit_start_untrimmed"][rows],
        "end": block["hit_end_untrimmed"][rows],
        "is_revcomp": np.full(len(rows), reverse),
    }
    for name, column in values.items():
        written = len(seqlets[name])
        seqlets[name].resize((written + len(column),))
        seqlets[name][written:] = column
