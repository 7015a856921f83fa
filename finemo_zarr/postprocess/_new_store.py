"""A hits store from datasets in memory."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from finemo_zarr import store


def write_hits_store(
    out: store.Location,
    opened: store.HitsStore,
    provenance: Mapping[str, Any],
    *,
    overwrite: bool,
) -> None:
    """Write a hits store.

    Parameters
    ----------
    out : path
        Where it appears when it is whole.
    opened : HitsStore
        Its four datasets, in memory; hits ordered as in every store.
    provenance : mapping
        How it was made.
    overwrite : bool
        Whether a store may be replaced.

    Raises
    ------
    RunError
        If it cannot be written.
    """
    with store.staged(out, overwrite=overwrite) as work:
        write_groups(work, opened, provenance)


def write_groups(
    path: store.Location, opened: store.HitsStore, provenance: Mapping[str, Any]
) -> None:
    """Write the same to where there is nothing yet."""
    store.create_store(path, "hits", provenance)
    for name in ("regions", "motifs", "qc"):
        store.write_dataset(store.new_group(path, name), getattr(opened, name).load())
    group = store.new_group(path, "hits")
    columns = {str(name): values.variable for name, values in opened.hits.data_vars.items()}
    digests = {f"qc/{name}": _digest(values.values) for name, values in opened.qc.data_vars.items()}
    if opened.hits.sizes["hit"]:
        writer = store.ColumnsWriter(group)
        writer.append(columns)
        writer.close()
        digests |= {f"hits/{name}": value.hexdigest() for name, value in writer.digests.items()}
    else:
        for name, values in columns.items():
            store.create_array(group, name, values)
    store.finish_store(path, {"digests": digests})


def _digest(values: Any) -> str:
    digest = store.new_digest()
    digest.update(np.ascontiguousarray(values))
    return str(digest.hexdigest())
