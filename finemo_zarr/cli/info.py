"""``info``: what is in a store."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from finemo_zarr.cli.options import LocationType

if TYPE_CHECKING:
    import xarray as xr

    from finemo_zarr.store import Location, StoreInfo

_EPILOG = """\b
Examples:
  finemo-zarr info regions.zarr
  finemo-zarr info hits
"""
_WIDTH = 16
_BYTES = 1024


def make_command() -> click.Command:
    """Make the command."""
    return click.Command(
        "info",
        params=[click.Argument(["store"], type=LocationType())],
        callback=_run,
        help="Show what is in a STORE: its kind, numbers, chunks, size, and how it was made. STORE"
        " is a regions store, a hits store, or a folder that call-hits wrote.",
        short_help="Show what is in a store, and how it was made.",
        epilog=_EPILOG,
    )


def _run(store: "Location") -> None:
    from finemo_zarr.store import hits_path, read_info, total_bytes

    path = hits_path(store)
    info = read_info(path)
    _show("store", path)
    _show("kind", f"{info.kind}, format {info.format_version}")
    _show("size on disk", _size(total_bytes(path)))
    for label, text in _regions(path) if info.kind == "regions" else _hits(path):
        _show(label, text)
    for label, text in _provenance(info):
        _show(label, text)


def _show(label: str, text: Any) -> None:
    click.echo(f"{label.ljust(_WIDTH)}{text}")


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < _BYTES:
            return f"{count:.4g} {unit}"
        count /= _BYTES
    return f"{count:.4g} TiB"


def _regions(path: "Location") -> Iterator[tuple[str, str]]:
    from finemo_zarr.store import open_regions

    regions = open_regions(path)
    scores = regions["region_contributions"]
    kind = "hypothetical" if "base" in scores.dims else "projected"
    yield "regions", f"{regions.sizes['region']:,} of {regions.sizes['position']:,} bp"
    if "track" in regions.sizes:
        yield "tracks", ", ".join(str(name) for name in regions["track"].values)
    yield "scores", f"{kind}, {scores.dtype}, {_size(scores.nbytes)} uncompressed"
    yield "chunks", f"{scores.chunksizes['region'][0]} regions each"
    yield "coordinates", _coordinates(regions)


def _coordinates(regions: "xr.Dataset") -> str:
    if "region_chrom" not in regions:
        return "none"
    order = list(regions.attrs.get("chrom_order", ()))
    shown = ", ".join(order[:5]) + (", …" if len(order) > 5 else "")
    return f"{len(order)} chromosomes ({shown})"


def _hits(path: "Location") -> Iterator[tuple[str, str]]:
    import numpy as np

    from finemo_zarr.store import open_hits

    opened = open_hits(path)
    missed = int((~opened.qc["qc_converged"].values).sum())
    names = opened.motifs["motif_name"].values
    yield "hits", f"{opened.hits.sizes['hit']:,}"
    yield "regions", f"{opened.qc.sizes['region']:,}, {missed:,} of them did not converge"
    yield "motifs", f"{np.unique(names).size}, {opened.motifs.sizes['motif_position']} wide"
    problem = ("mode", "placement", "normalize", "sqrt_transform")
    yield "problem", ", ".join(f"{key} {opened.motifs.attrs.get(key, '?')}" for key in problem)
    chunks = opened.hits["hit_region"].encoding["chunks"][0]
    yield "chunks", f"{chunks} hits each"
    yield "coordinates", _coordinates(opened.regions)


def _provenance(info: "StoreInfo") -> Iterator[tuple[str, str]]:
    known: Mapping[str, Any] = info.provenance
    yield "made by", f"{known.get('command', '?')} ({known.get('plugin', '?')})"
    yield "made at", str(known.get("created", "?"))
    for item in known.get("inputs", ()):
        # What is recorded of a store is the size of its metadata.
        is_store = item.get("store", item["path"].endswith(".zarr"))
        size = "store" if is_store else _size(item["bytes"])
        yield "input", f"{item['path']} ({size}, sha256 {item['sha256_ends'][:12]})"
    for name, value in known.get("options", {}).items():
        yield "option", f"{name} = {json.dumps(value)}"
    yield "versions", ", ".join(f"{name} {text}" for name, text in known["versions"].items())
