"""Every variable of the four datasets, declared once.

Validation, the attributes stored in Zarr and the documentation page are read from here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["integer", "unsigned", "float", "string", "boolean"]
DatasetKind = Literal["regions", "motifs", "hits", "qc"]

NUMPY_KINDS: Mapping[Kind, str] = {
    "integer": "iu",
    "unsigned": "u",
    "float": "f",
    "string": "TUO",
    "boolean": "b",
}


@dataclass(frozen=True)
class VariableSpec:
    """What a variable must look like.

    Parameters
    ----------
    name : str
        Name in the dataset.
    dims : tuple of tuples of str
        The permitted dimensions, the usual ones first.
    kind : str
        One of "integer", "unsigned", "float", "string", "boolean".
    meaning : str
        One sentence for a reader of the data.
    unit : str
        Unit, or "" for counts and names.
    required : bool
        Whether every dataset of the kind has it.
    """

    name: str
    dims: tuple[tuple[str, ...], ...]
    kind: Kind
    meaning: str
    unit: str = ""
    required: bool = True


def _with_track(*dims: str) -> tuple[tuple[str, ...], ...]:
    return (dims, ("track", *dims))


_REGION = (("region",),)
_MOTIF = (("motif",),)
_MATRIX = (("motif", "base", "motif_position"),)
_HIT = (("hit",),)
_QC = _with_track("region")

_REGIONS = (
    VariableSpec(
        "region_sequence",
        (("region", "position"),),
        "unsigned",
        "Base codes: A, C, G, T = 0, 1, 2, 3; 4 where there is no base.",
    ),
    VariableSpec(
        "region_contributions",
        (*_with_track("region", "position"), *_with_track("region", "base", "position")),
        "float",
        "Contribution scores: projected on the observed base (region, position), or hypothetical,"
        " one for each base (region, base, position).",
        "model output",
    ),
    VariableSpec("region_chrom", _REGION, "string", "Chromosome.", required=False),
    VariableSpec(
        "region_start",
        _REGION,
        "integer",
        "First base on the chromosome, 0-based; negative where a region begins before it.",
        "bp",
        required=False,
    ),
    VariableSpec(
        "region_end", _REGION, "integer", "End on the chromosome, exclusive.", "bp", required=False
    ),
    VariableSpec(
        "region_name", _REGION, "string", "Name of the region in the peak file.", required=False
    ),
    VariableSpec(
        "region_id",
        _REGION,
        "integer",
        "Row number of the region in the peak file, from 0.",
        required=False,
    ),
    VariableSpec(
        "region_example",
        _REGION,
        "integer",
        "Row number of the region in the score files, from 0, by which TF-MoDISco counts. Only"
        " where it is another than `region_id`, since peaks have no scores or were left out.",
        required=False,
    ),
    VariableSpec(
        "region_width",
        _REGION,
        "integer",
        "Width of the region; what lies behind it is padding, without base and with the score 0."
        " Only where the regions of a store differ.",
        "bp",
        required=False,
    ),
    VariableSpec(
        "region_scale",
        _REGION,
        "float",
        "Scale of the scores, where it is not to be computed from them: that of the whole, for a"
        " part of a region.",
        "model output",
        required=False,
    ),
)

_MOTIFS = (
    VariableSpec("motif_name", _MOTIF, "string", "Name, unique for a motif and its strand."),
    VariableSpec(
        "motif_cwm", _MATRIX, "float", "Contribution weight matrix, untrimmed.", "model output"
    ),
    VariableSpec(
        "motif_hcwm",
        _MATRIX,
        "float",
        "Hypothetical contribution weight matrix, untrimmed.",
        "model output",
        required=False,
    ),
    VariableSpec(
        "motif_ppm", _MATRIX, "float", "Position probability matrix.", "1", required=False
    ),
    VariableSpec(
        "motif_width",
        _MOTIF,
        "integer",
        "Untrimmed width; the columns beyond it are zero and belong to wider motifs.",
        "bp",
    ),
    VariableSpec(
        "motif_origin",
        _MOTIF,
        "string",
        "What the CWM is: 'cwm' from contributions, 'log-odds' from a PPM, 'decoy', 'composite'.",
        required=False,
    ),
    VariableSpec("motif_source", _MOTIF, "string", "File the motif was read from.", required=False),
    VariableSpec("motif_name_orig", _MOTIF, "string", "Name in that file.", required=False),
    VariableSpec(
        "motif_strand",
        _MOTIF,
        "string",
        "'+' as in the file, '-' reverse-complemented; oriented motifs only.",
        required=False,
    ),
    VariableSpec(
        "motif_start",
        _MOTIF,
        "integer",
        "First column of the trimmed core; oriented motifs only.",
        "bp",
        required=False,
    ),
    VariableSpec(
        "motif_end",
        _MOTIF,
        "integer",
        "End of the trimmed core, exclusive; oriented motifs only.",
        "bp",
        required=False,
    ),
    VariableSpec(
        "motif_scale",
        _MOTIF,
        "float",
        "L2 norm of the untrimmed matrix in use; oriented motifs only.",
        "model output",
        required=False,
    ),
    VariableSpec(
        "motif_lambda",
        _MOTIF,
        "float",
        "Penalty, and the smallest similarity of a hit; oriented motifs only.",
        "1",
        required=False,
    ),
    VariableSpec(
        "motif_weights",
        _MATRIX,
        "float",
        "Normalised matrix, zero outside the core: what is placed on the scores; oriented motifs"
        " only.",
        "1",
        required=False,
    ),
    VariableSpec(
        "motif_decoy_hits",
        _MOTIF,
        "integer",
        "Hits of all decoys of the motif on this strand, of any q-value; in hits stores with"
        " q-values.",
        required=False,
    ),
    VariableSpec(
        "motif_decoy_cosine",
        _MOTIF,
        "float",
        "Largest cosine of its decoys with a motif, NaN if it has none; in hits stores with"
        " q-values.",
        "1",
        required=False,
    ),
)

_HITS = (
    VariableSpec("hit_region", _HIT, "integer", "Index of the region along `region`."),
    VariableSpec("hit_motif", _HIT, "integer", "Index of the oriented motif along `motif`."),
    VariableSpec(
        "hit_start", _HIT, "integer", "First base of the core, relative to the region.", "bp"
    ),
    VariableSpec("hit_end", _HIT, "integer", "End of the core, exclusive.", "bp"),
    VariableSpec(
        "hit_start_untrimmed",
        _HIT,
        "integer",
        "First base of the untrimmed motif, relative to the region; may lie outside of it.",
        "bp",
    ),
    VariableSpec(
        "hit_end_untrimmed", _HIT, "integer", "End of the untrimmed motif, exclusive.", "bp"
    ),
    VariableSpec(
        "hit_coefficient", _HIT, "float", "Coefficient on the scores scaled by the region.", "1"
    ),
    VariableSpec(
        "hit_coefficient_global",
        _HIT,
        "float",
        "Coefficient times the squared scale of the region: comparable between regions.",
        "model output ^ 2",
    ),
    VariableSpec(
        "hit_similarity",
        _HIT,
        "float",
        "Similarity of the scores under the core with the motif, a cosine up to the norm of the"
        " motif's core.",
        "1",
    ),
    VariableSpec(
        "hit_importance",
        _HIT,
        "float",
        "Sum of the absolute scores under the core.",
        "model output",
    ),
    VariableSpec(
        "hit_importance_sq",
        _HIT,
        "float",
        "Sum of the squared scores under the core.",
        "model output ^ 2",
    ),
    VariableSpec("hit_track", _HIT, "integer", "Index of the track along `track`.", required=False),
    VariableSpec(
        "hit_qvalue",
        _HIT,
        "float",
        "Smallest false-discovery rate, over all motifs, at which the hit is kept; from decoys.",
        "1",
        required=False,
    ),
    VariableSpec(
        "hit_qvalue_motif",
        _HIT,
        "float",
        "The same among the hits of the motif.",
        "1",
        required=False,
    ),
    VariableSpec(
        "hit_is_primary",
        _HIT,
        "boolean",
        "Whether no hit that it overlaps is more similar.",
        required=False,
    ),
)

_QUALITY = (
    VariableSpec("qc_nll", _QC, "float", "Half the mean squared residual, on scaled scores.", "1"),
    VariableSpec("qc_dual_gap", _QC, "float", "Duality gap per base, on scaled scores.", "1"),
    VariableSpec(
        "qc_steps", _QC, "integer", "Steps of the solver; what a step is depends on the solver."
    ),
    VariableSpec("qc_step_size", _QC, "float", "Last step size, NaN for solvers without one.", "1"),
    VariableSpec("qc_scale", _QC, "float", "Scale of the region's scores.", "model output"),
    VariableSpec("qc_converged", _QC, "boolean", "Whether the gap reached the tolerance."),
)

VARIABLES: Mapping[DatasetKind, Mapping[str, VariableSpec]] = {
    "regions": {spec.name: spec for spec in _REGIONS},
    "motifs": {spec.name: spec for spec in _MOTIFS},
    "hits": {spec.name: spec for spec in _HITS},
    "qc": {spec.name: spec for spec in _QUALITY},
}


def all_variables() -> Iterator[tuple[DatasetKind, VariableSpec]]:
    """Every variable with the kind of its dataset, in order."""
    for kind, specs in VARIABLES.items():
        for spec in specs.values():
            yield kind, spec
