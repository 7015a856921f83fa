"""The four datasets: how they are made and when they are valid.

Each is an ordinary :class:`xarray.Dataset` that follows :mod:`finemo_zarr.variables`. Variables
that the specification does not know are permitted, so that plugins can add their own.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr.errors import SchemaError
from finemo_zarr.sequence import BASES
from finemo_zarr.variables import NUMPY_KINDS, VARIABLES, DatasetKind

if TYPE_CHECKING:
    import xarray as xr


def validate(dataset: "xr.Dataset", kind: DatasetKind) -> "xr.Dataset":
    """Return the dataset if it follows the specification of its kind; look at no values.

    Parameters
    ----------
    dataset : xarray.Dataset
        The dataset.
    kind : {"regions", "motifs", "hits", "qc"}
        What it should be.

    Raises
    ------
    SchemaError
        With every fault found, if it does not.
    """
    faults = []
    for spec in VARIABLES[kind].values():
        if spec.name not in dataset.variables:
            if spec.required:
                faults.append(f"{spec.name} is missing")
            continue
        variable = dataset.variables[spec.name]
        if variable.dims not in spec.dims:
            expected = " or ".join(str(dims) for dims in spec.dims)
            faults.append(f"{spec.name} has dimensions {variable.dims}, expected {expected}")
        if variable.dtype.kind not in NUMPY_KINDS[spec.kind]:
            faults.append(f"{spec.name} has type {variable.dtype}, expected {spec.kind}")
    if dataset.sizes.get("base", len(BASES)) != len(BASES):
        faults.append(f"dimension base has size {dataset.sizes['base']}, expected 4 (A C G T)")
    if faults:
        raise SchemaError(f"not a valid {kind} dataset: {'; '.join(faults)}")
    return dataset


def in_order(dataset: "xr.Dataset", kind: DatasetKind) -> "xr.Dataset":
    """Variables in the order of the specification, then others by name; tables follow it.

    Parameters
    ----------
    dataset : xarray.Dataset
        The dataset, which may come from a store: Zarr lists arrays in any order.
    kind : {"regions", "motifs", "hits", "qc"}
        What it is.
    """
    known = [name for name in VARIABLES[kind] if name in dataset.data_vars]
    others = sorted(set(map(str, dataset.data_vars)) - set(known))
    # Choosing variables leaves out coordinates of dimensions that none of them has.
    return dataset[[*known, *others]].assign_coords(dataset.coords)


def create_regions(
    sequence: Any,
    contributions: Any,
    *,
    coordinates: Mapping[str, Any] | None = None,
    chrom_order: Sequence[str] | None = None,
    tracks: Sequence[str] | None = None,
    widths: Any | None = None,
) -> "xr.Dataset":
    """Make a regions dataset.

    Parameters
    ----------
    sequence : array of uint8, ``(region, position)``
        Base codes (see :mod:`finemo_zarr.sequence`); a dask array stays lazy.
    contributions : array of float
        Projected ``(region, position)`` or hypothetical ``(region, base, position)`` scores, with
        a leading `track` axis if `tracks` is given; a dask array stays lazy.
    coordinates : mapping, optional
        ``chrom, start, end, name, id``, each ``(region,)``: where the regions lie. All or none.
    chrom_order : sequence of str, optional
        Sort order of the chromosomes in tables; by default that of first appearance.
    tracks : sequence of str, optional
        Names of the tracks (cell types, folds, heads).
    widths : array of int, ``(region,)``, optional
        Widths of regions that differ; the arrays are padded on the right, without base and with
        the score 0. Left out of the dataset where all are as wide as the arrays.

    Raises
    ------
    SchemaError
        If the arrays do not fit together.
    """
    dims: tuple[str, ...] = ("region", "base", "position")
    if contributions.ndim - (tracks is not None) == 2:
        dims = ("region", "position")
    data: dict[str, Any] = {
        "region_sequence": (("region", "position"), sequence),
        "region_contributions": ((("track", *dims) if tracks is not None else dims), contributions),
    }
    attrs: dict[str, Any] = {}
    if widths is not None and (np.asarray(widths) != sequence.shape[1]).any():
        data["region_width"] = ("region", np.asarray(widths, dtype=np.int64))
    if coordinates is not None:
        data |= _coordinate_variables(coordinates)
        order = list(dict.fromkeys(chrom_order or ()))
        seen = dict.fromkeys(str(chrom) for chrom in coordinates["chrom"])
        attrs["chrom_order"] = order + [chrom for chrom in seen if chrom not in set(order)]
    coords = {} if tracks is None else {"track": _strings(tracks)}
    return _dataset("regions", data, coords=coords, attrs=attrs)


def _coordinate_variables(coordinates: Mapping[str, Any]) -> dict[str, Any]:
    names = ("chrom", "start", "end", "name", "id")
    if missing := [name for name in names if name not in coordinates]:
        raise SchemaError(f"coordinates lack {', '.join(missing)}: give all of {', '.join(names)}")
    variables = {
        "region_chrom": ("region", _strings(coordinates["chrom"])),
        "region_start": ("region", np.asarray(coordinates["start"], dtype=np.int64)),
        "region_end": ("region", np.asarray(coordinates["end"], dtype=np.int64)),
        "region_name": ("region", _strings(coordinates["name"])),
        "region_id": ("region", np.asarray(coordinates["id"], dtype=np.int64)),
    }
    if coordinates.get("example") is not None:
        variables["region_example"] = (
            "region",
            np.asarray(coordinates["example"], dtype=np.int64),
        )
    return variables


def create_motifs(
    names: Sequence[str],
    cwm: Any,
    *,
    widths: Any | None = None,
    matrices: Mapping[str, Any] | None = None,
    labels: Mapping[str, Any] | None = None,
) -> "xr.Dataset":
    """Make a motifs dataset, one entry per motif, not yet oriented.

    Parameters
    ----------
    names : sequence of str
        Unique names.
    cwm : array of float, ``(motif, base, motif_position)``
        Contribution weight matrices, padded with zeros on the right to the widest.
    widths : array of int, ``(motif,)``, optional
        Untrimmed widths; by default all as wide as the array.
    matrices : mapping, optional
        ``hcwm`` and ``ppm``, shaped as `cwm`.
    labels : mapping, optional
        ``origin``, ``source`` and ``name_orig``, each a string or one string per motif.

    Raises
    ------
    SchemaError
        If names repeat or the arrays do not fit together.
    """
    cwm = np.asarray(cwm, dtype=np.float64)
    names = [str(name) for name in names]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise SchemaError(f"motif names must be unique, repeated: {', '.join(repeated)}")
    dims = ("motif", "base", "motif_position")
    data: dict[str, Any] = {
        "motif_name": ("motif", _strings(names)),
        "motif_cwm": (dims, cwm),
        "motif_width": (
            "motif",
            np.full(len(names), cwm.shape[-1]) if widths is None else np.asarray(widths, np.int64),
        ),
    }
    for key, matrix in (matrices or {}).items():
        data[f"motif_{key}"] = (dims, np.asarray(matrix, dtype=np.float64))
    for key, label in (labels or {}).items():
        values = [label] * len(names) if isinstance(label, str) else label
        data[f"motif_{key}"] = ("motif", _strings(values))
    return _dataset("motifs", data)


_HIT_TYPES = dict.fromkeys(VARIABLES["hits"], np.float32) | {
    "hit_region": np.int64,
    "hit_coefficient": np.float64,
    "hit_motif": np.int32,
    "hit_start": np.int32,
    "hit_end": np.int32,
    "hit_start_untrimmed": np.int32,
    "hit_end_untrimmed": np.int32,
    "hit_track": np.int32,
    "hit_is_primary": np.bool_,
}


def create_hits(columns: Mapping[str, Any]) -> "xr.Dataset":
    """Make a hits dataset.

    Parameters
    ----------
    columns : mapping
        Arrays ``(hit,)`` by the names of the specification without their prefix: ``region``,
        ``motif``, ``start``, ``end``, … A score that is not given reads NaN; other names become
        additional columns of the type they have.

    Raises
    ------
    SchemaError
        If one of the positions is missing or the lengths differ.
    """
    count = len(columns.get("region", ()))
    data: dict[str, Any] = {}
    for name, spec in VARIABLES["hits"].items():
        key = name.removeprefix("hit_")
        if key in columns:
            data[name] = ("hit", np.asarray(columns[key]).astype(_HIT_TYPES[name], copy=False))
        elif spec.kind == "float" and spec.required:
            data[name] = ("hit", np.full(count, np.nan, dtype=np.float32))
    for key, values in columns.items():
        data.setdefault(f"hit_{key}", ("hit", np.asarray(values)))
    return _dataset("hits", data)


def create_qc(columns: Mapping[str, Any]) -> "xr.Dataset":
    """Make a qc dataset.

    Parameters
    ----------
    columns : mapping
        Arrays ``(region,)`` by the names of the specification without their prefix: ``nll``,
        ``dual_gap``, ``steps``, ``step_size``, ``scale``, ``converged``. What is not given reads
        NaN, 0 steps, converged.
    """
    count = len(columns["scale"])
    types = {"steps": np.int32, "converged": np.bool_}
    defaults = {"steps": 0, "converged": True}
    data: dict[str, Any] = {}
    for name in VARIABLES["qc"]:
        key = name.removeprefix("qc_")
        values = columns.get(key, np.full(count, defaults.get(key, np.nan)))
        data[name] = ("region", np.asarray(values).astype(types.get(key, np.float32), copy=False))
    return _dataset("qc", data)


def _dataset(
    kind: DatasetKind,
    data: Mapping[str, Any],
    coords: Mapping[str, Any] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> "xr.Dataset":
    import xarray as xr

    try:
        dataset = xr.Dataset(dict(data), attrs=dict(attrs or {}))
    except ValueError as error:
        raise SchemaError(f"the arrays of a {kind} dataset do not fit together: {error}") from error
    if coords:
        dataset = dataset.assign_coords(dict(coords))
    for name in VARIABLES[kind]:
        if name in dataset.variables:
            dataset[name].attrs.update(variable_attrs(kind, name))
    return validate(dataset, kind)


def variable_attrs(kind: DatasetKind, name: str) -> dict[str, str]:
    """Attributes of a variable: its meaning and unit; none if it is not in the specification."""
    spec = VARIABLES[kind].get(name)
    if spec is None:
        return {}
    return {"long_name": spec.meaning} | ({"units": spec.unit} if spec.unit else {})


def _strings(values: Any) -> Any:
    return np.asarray([str(value) for value in values], dtype=np.dtypes.StringDType())
