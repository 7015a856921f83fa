"""From the motifs of a file to what a solver places: trim, normalise, both strands.

The definitions are those of Fi-NeMo, with two choices of our own: where a motif may be placed and
what its normalisation covers (:class:`MotifOptions`).
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import SchemaError, UnreachableMotifWarning

if TYPE_CHECKING:
    import xarray as xr

Mode = Literal["pp", "ph", "hp", "hh"]
Placement = Literal["core", "full"]
Normalize = Literal["full", "core"]

FloatArray = NDArray[np.float64]

_MATRICES = ("motif_cwm", "motif_hcwm", "motif_ppm")
_NAMES_SHOWN = 10


@dataclass(frozen=True)
class MotifOptions:
    """What is asked of the motifs; everything here is part of the problem, not of a solver.

    Motifs are looked up by the name they have in the file, whatever `renames` says.

    Parameters
    ----------
    mode : {"pp", "ph", "hp", "hh"}
        First letter the motif matrix, second the scores: projected (CWM) or hypothetical (hCWM).
    trim_threshold : float
        The core reaches from the first to the last column whose summed absolute CWM is at least
        this share of the largest.
    trim_thresholds : mapping of str to float
        The same for single motifs.
    trim_coords : mapping of str to (int, int)
        Core of single motifs as start and end; wins over the thresholds.
    lambda_default : float
        Penalty, and the smallest similarity of a hit.
    lambdas : mapping of str to float
        The same for single motifs.
    include : tuple of str, optional
        Use these motifs only.
    renames : mapping of str to str
        New names.
    placement : {"core", "full"}
        Place a motif wherever its core fits into the region, or only where all of it fits
        (Fi-NeMo's rule).
    normalize : {"full", "core"}
        Divide by the norm of the whole matrix (Fi-NeMo's rule) or of the core, which makes the
        similarity a true cosine.
    sqrt_transform : bool
        Replace scores and matrices by the signed root of their absolute value.
    """

    mode: Mode = "pp"
    trim_threshold: float = 0.3
    trim_thresholds: Mapping[str, float] = field(default_factory=dict)
    trim_coords: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    lambda_default: float = 0.7
    lambdas: Mapping[str, float] = field(default_factory=dict)
    include: tuple[str, ...] | None = None
    renames: Mapping[str, str] = field(default_factory=dict)
    placement: Placement = "core"
    normalize: Normalize = "full"
    sqrt_transform: bool = False

    def __post_init__(self) -> None:
        for name, choices in (("mode", Mode), ("placement", Placement), ("normalize", Normalize)):
            if getattr(self, name) not in get_args(choices):
                expected = ", ".join(get_args(choices))
                raise SchemaError(f"{name} is {getattr(self, name)!r}, expected one of {expected}")
        for what, value in (("lambda", self.lambda_default), *_named("lambda", self.lambdas)):
            if not (np.isfinite(value) and value > 0):
                raise SchemaError(f"{what} is {value}, expected a number above 0")
        thresholds = _named("trim threshold", self.trim_thresholds)
        for what, value in (("trim threshold", self.trim_threshold), *thresholds):
            if not 0 <= value <= 1:
                raise SchemaError(f"{what} is {value}, expected a number from 0 to 1")


def _named(what: str, values: Mapping[str, float]) -> list[tuple[str, float]]:
    return [(f"{what} of motif {name}", value) for name, value in values.items()]


def combine_motifs(datasets: Sequence["xr.Dataset"]) -> "xr.Dataset":
    """Join the motifs of several files, padded with zeros on the right to the widest.

    Parameters
    ----------
    datasets : sequence of xarray.Dataset
        Motifs datasets, not oriented.

    Raises
    ------
    SchemaError
        If a name occurs twice, or there is no motif at all.
    """
    import xarray as xr

    if not sum(dataset.sizes["motif"] for dataset in datasets):
        raise SchemaError("no motifs: the motif files are empty")
    width = max(dataset.sizes["motif_position"] for dataset in datasets)
    padded = [
        dataset.pad(
            motif_position=(0, width - dataset.sizes["motif_position"]), constant_values=0.0
        )
        for dataset in datasets
    ]
    common = set.intersection(*({str(name) for name in dataset.data_vars} for dataset in padded))
    joined = xr.concat([dataset[sorted(common)] for dataset in padded], dim="motif")
    names = [str(name) for name in joined.motif_name.values]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise SchemaError(
            f"{len(repeated)} motif names occur in more than one motif file, first "
            f"{_listed(repeated)}: rename them in one of the files"
        )
    return joined


def trim_core(cwm: FloatArray, threshold: float) -> tuple[int, int]:
    """Start and end of the core of a CWM ``(4, width)``.

    The core reaches from the first to the last column whose summed absolute value is at least
    `threshold` times the largest.
    """
    score = np.abs(cwm).sum(axis=0)
    kept = np.flatnonzero(score >= threshold * score.max())
    return int(kept[0]), int(kept[-1]) + 1


def signed_sqrt(values: NDArray[Any]) -> NDArray[Any]:
    """Signed root of the absolute value."""
    rooted: NDArray[Any] = np.sign(values) * np.sqrt(np.abs(values))
    return rooted


def prepare_motifs(motifs: "xr.Dataset", options: MotifOptions) -> "xr.Dataset":
    """Both strands of each motif, trimmed and normalised, with its lambda.

    Parameters
    ----------
    motifs : xarray.Dataset
        A motifs dataset, not oriented.
    options : MotifOptions
        What is asked.

    Returns
    -------
    xarray.Dataset
        A motifs dataset in which each motif stands twice, ``+`` then ``-``, with the variables
        ``motif_strand, motif_start, motif_end, motif_scale, motif_lambda, motif_weights`` and the
        problem's parameters as attributes. A ``-`` motif is the reverse complement within its own
        width, so that its padding stays on the right.

    Raises
    ------
    SchemaError
        If a name is unknown, new names repeat, a matrix that the mode needs is missing or zero, or
        a core lies outside its motif.

    Warns
    -----
    UnreachableMotifWarning
        If the similarity of a motif can never reach its lambda.
    """
    motifs = _select(motifs, options)
    names = [str(name) for name in motifs.motif_name.values]
    source = "motif_cwm" if options.mode[0] == "p" else "motif_hcwm"
    if source not in motifs:
        raise SchemaError(
            f"mode {options.mode} needs hypothetical CWMs, which the motifs lack: "
            "use mode pp or ph, or motifs from TF-MoDISco"
        )
    cores = np.array([_core(motifs, index, options) for index in range(len(names))])
    matrices = motifs[source].values.astype(np.float64)
    scales = np.sqrt((matrices**2).sum(axis=(1, 2)))
    if unusable := [name for name, s in zip(names, scales, strict=True) if not 0 < s < np.inf]:
        raise SchemaError(
            f"{len(unusable)} motifs have a matrix that is zero or not finite, first "
            f"{_listed(unusable)}: leave them out with -I"
        )
    weights = _normalised(matrices / scales[:, None, None], cores, options)
    lambdas = [options.lambdas.get(name, options.lambda_default) for name in names]
    prepared = motifs.assign(
        motif_name=_strings(options.renames.get(name, name) for name in names),
        motif_name_orig=_strings(names),
        motif_start=("motif", cores[:, 0]),
        motif_end=("motif", cores[:, 1]),
        motif_scale=("motif", scales),
        motif_lambda=("motif", np.array(lambdas, dtype=np.float64)),
        motif_weights=(motifs[source].dims, weights),
    )
    oriented = _both_strands(prepared)
    oriented.attrs = {
        "mode": options.mode,
        "placement": options.placement,
        "normalize": options.normalize,
        "sqrt_transform": int(options.sqrt_transform),
    }
    _warn_unreachable(oriented)
    return oriented


def motif_numbers(motifs: "xr.Dataset") -> tuple[list[str], NDArray[np.int64]]:
    """Number the motifs of an oriented dataset, both strands as one.

    Parameters
    ----------
    motifs : xarray.Dataset
        An oriented motifs dataset.

    Returns
    -------
    names : list of str
        Each once, in the order of the dataset.
    numbers : array of int64, ``(oriented motif,)``
        Index of the name of each.
    """
    stored = [str(name) for name in motifs["motif_name"].values.tolist()]
    number = {name: index for index, name in enumerate(dict.fromkeys(stored))}
    return list(number), np.array([number[name] for name in stored], dtype=np.int64)


def reachable_similarity(motifs: "xr.Dataset") -> FloatArray:
    """The largest similarity ``(motif,)`` that each oriented motif can have.

    On projected scores it is reached where every position of the core holds the base with the
    largest weight, on hypothetical ones by the motif itself.
    """
    squares = motifs.motif_weights.values**2
    best = squares.max(axis=1) if motifs.attrs["mode"][1] == "p" else squares.sum(axis=1)
    reachable: FloatArray = np.sqrt(best.sum(axis=1))
    return reachable


def _select(motifs: "xr.Dataset", options: MotifOptions) -> "xr.Dataset":
    names = [str(name) for name in motifs.motif_name.values]
    asked = {
        "the list of motifs to include (-I)": options.include or (),
        "the new names (-N)": options.renames,
        "the lambdas (-L)": options.lambdas,
        "the trim thresholds (-T)": options.trim_thresholds,
        "the trim coordinates (-R)": options.trim_coords,
    }
    for what, wanted in asked.items():
        if unknown := [name for name in wanted if name not in set(names)]:
            raise SchemaError(
                f"{what} name {len(unknown)} motifs that are not in the motif files, first "
                f"{_listed(unknown)}; these are there: {_listed(names)}"
            )
    if options.include is not None:
        kept = set(options.include)
        motifs = motifs.isel(motif=[index for index, name in enumerate(names) if name in kept])
        names = [name for name in names if name in kept]
    if not names:
        raise SchemaError("no motifs: the list of motifs to include (-I) is empty")
    renamed = [options.renames.get(name, name) for name in names]
    if repeated := sorted({name for name in renamed if renamed.count(name) > 1}):
        raise SchemaError(f"the new names (-N) must be unique, repeated: {_listed(repeated)}")
    return motifs


def _core(motifs: "xr.Dataset", index: int, options: MotifOptions) -> tuple[int, int]:
    name = str(motifs.motif_name.values[index])
    width = int(motifs.motif_width.values[index])
    if name in options.trim_coords:
        start, end = options.trim_coords[name]
        if not 0 <= start < end <= width:
            raise SchemaError(
                f"the trim coordinates of motif {name} are {start}-{end}, "
                f"expected 0 <= start < end <= {width}, its width"
            )
        return start, end
    cwm = motifs.motif_cwm.values[index, :, :width].astype(np.float64)
    if not (np.isfinite(cwm).all() and cwm.any()):
        raise SchemaError(f"the CWM of motif {name} is zero or not finite: leave it out with -I")
    return trim_core(cwm, options.trim_thresholds.get(name, options.trim_threshold))


def _normalised(
    matrices: FloatArray, cores: NDArray[np.int64], options: MotifOptions
) -> FloatArray:
    columns = np.arange(matrices.shape[-1])
    mask = (columns >= cores[:, :1]) & (columns < cores[:, 1:])
    weights = matrices * mask[:, None, :]
    if options.sqrt_transform:
        weights = signed_sqrt(weights)
    if options.sqrt_transform or options.normalize == "core":
        norms = np.sqrt((weights**2).sum(axis=(1, 2), keepdims=True))
        weights = np.divide(weights, norms, out=np.zeros_like(weights), where=norms > 0)
    return weights


def _both_strands(motifs: "xr.Dataset") -> "xr.Dataset":
    import xarray as xr

    reverse = motifs.copy()
    widths = motifs.motif_width.values
    for name in (*_MATRICES, "motif_weights"):
        if name in motifs:
            reverse[name] = (motifs[name].dims, _reverse_complement(motifs[name].values, widths))
    reverse["motif_start"] = motifs.motif_width - motifs.motif_end
    reverse["motif_end"] = motifs.motif_width - motifs.motif_start
    strands = [
        dataset.assign(motif_strand=_strings([strand] * dataset.sizes["motif"]))
        for dataset, strand in ((motifs, "+"), (reverse, "-"))
    ]
    both = xr.concat(strands, dim="motif")
    count = motifs.sizes["motif"]
    return both.isel(motif=np.arange(2 * count).reshape(2, count).T.ravel())


def _reverse_complement(matrices: NDArray[Any], widths: NDArray[np.int64]) -> NDArray[Any]:
    flipped = np.zeros_like(matrices)
    for matrix, source, width in zip(flipped, matrices, widths, strict=True):
        matrix[:, :width] = source[::-1, :width][:, ::-1]
    return flipped


def _warn_unreachable(motifs: "xr.Dataset") -> None:
    reachable = reachable_similarity(motifs)
    lambdas = motifs.motif_lambda.values
    forward = motifs.motif_strand.values == "+"
    found = [
        f"{motifs.motif_name.values[index]} ({reachable[index]:.3f} < {lambdas[index]:g})"
        for index in np.flatnonzero((reachable < lambdas) & forward)
    ]
    if found:
        warnings.warn(
            f"{len(found)} motifs can never be called, since their similarity cannot reach lambda:"
            f" {_listed(found)}; lower it with -L, or use --normalize core",
            UnreachableMotifWarning,
            stacklevel=3,
        )


def _listed(names: Iterable[str]) -> str:
    listed = [str(name) for name in names]
    more = len(listed) - _NAMES_SHOWN
    return ", ".join(listed[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _strings(values: Iterable[str]) -> tuple[str, Any]:
    return "motif", np.asarray(list(values), dtype=np.dtypes.StringDType())
