"""Zarr stores: layout, chunks, compression, format version, staging.

A store is a Zarr (format 3) group whose attributes hold ``format``, ``kind``, ``format_version``
and ``provenance``. A *regions* store has the variables of the regions dataset at its root; a *hits*
store has the groups ``regions`` (coordinates only), ``motifs``, ``qc`` and ``hits``.
"""

from finemo_zarr.store.reading import (
    FORMAT_VERSION,
    HitsStore,
    StoreInfo,
    StoreKind,
    hits_path,
    is_store,
    open_hits,
    open_regions,
    read_block,
    read_info,
    read_stored_motifs,
    stored_bytes,
)
from finemo_zarr.store.staging import scratch_folder, staged
from finemo_zarr.store.writing import (
    HitsWriter,
    create_array,
    create_store,
    region_chunk,
    write_block,
    write_dataset,
)

__all__ = [
    "FORMAT_VERSION",
    "HitsStore",
    "HitsWriter",
    "StoreInfo",
    "StoreKind",
    "create_array",
    "create_store",
    "hits_path",
    "is_store",
    "open_hits",
    "open_regions",
    "read_block",
    "read_info",
    "read_stored_motifs",
    "region_chunk",
    "scratch_folder",
    "staged",
    "stored_bytes",
    "write_block",
    "write_dataset",
]
