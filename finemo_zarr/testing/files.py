"""Writers of every file format the package reads, for simulated or other small data.

Regions may be given as one dataset or as an iterable of blocks (the datasets of
:func:`~finemo_zarr.testing.simulate.simulate_blocks`). The genome is what the regions show of it,
N elsewhere; where regions overlap, the last one is written.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import SchemaError
from finemo_zarr.sequence import BASES, decode, one_hot, project

if TYPE_CHECKING:
    import xarray as xr

    Regions = xr.Dataset | Iterable[xr.Dataset]

Array = NDArray[Any]

_AFTER_LAST_REGION = 1000  # bases of the chromosome
_LINE = 60


def _blocks(regions: "Regions") -> Iterator["xr.Dataset"]:
    import xarray as xr

    if isinstance(regions, xr.Dataset):
        yield regions
    else:
        yield from regions


def _arrays(block: "xr.Dataset") -> tuple[Array, Array]:
    """Base codes and scores."""
    return block["region_sequence"].to_numpy(), block["region_contributions"].to_numpy()


def _hypothetical(block: "xr.Dataset") -> Array:
    """Scores ``(region, base, position)``; projected ones stand at the observed base."""
    sequence, scores = _arrays(block)
    return scores if scores.ndim == 3 else scores[:, None] * one_hot(sequence, scores.dtype)


def _projected(block: "xr.Dataset") -> Array:
    sequence, scores = _arrays(block)
    return project(scores, sequence) if scores.ndim == 3 else scores


def _coordinates(block: "xr.Dataset") -> tuple[list[str], list[int], list[int]]:
    if "region_chrom" not in block:
        raise SchemaError("the regions have no coordinates, which this format needs")
    return (
        [str(chrom) for chrom in block["region_chrom"].to_numpy()],
        block["region_start"].to_numpy().tolist(),
        block["region_end"].to_numpy().tolist(),
    )


def write_fasta(regions: "Regions", path: Path) -> dict[str, int]:
    """Write a genome in which the regions lie.

    Parameters
    ----------
    regions : xarray.Dataset or iterable of them
        Regions with coordinates.
    path : Path
        FASTA file; the index is left to its readers.

    Returns
    -------
    dict
        The length of every chromosome, bp: what :func:`write_bigwig` needs.

    Raises
    ------
    SchemaError
        If the regions have no coordinates.
    """
    genome: dict[str, bytearray] = {}
    for block in _blocks(regions):
        sequence = block["region_sequence"].to_numpy()
        for codes, chrom, start, end in zip(sequence, *_coordinates(block), strict=True):
            bases = genome.setdefault(chrom, bytearray())
            bases.extend(b"N" * (end - len(bases)))
            bases[max(start, 0) : end] = decode(codes[max(-start, 0) :]).encode()
    with Path(path).open("w", encoding="ascii") as file:
        for chrom in sorted(genome):
            letters = (genome[chrom] + b"N" * _AFTER_LAST_REGION).decode("ascii")
            lines = (letters[i : i + _LINE] for i in range(0, len(letters), _LINE))
            file.write(f">{chrom}\n" + "\n".join(lines) + "\n")
    return {chrom: len(genome[chrom]) + _AFTER_LAST_REGION for chrom in sorted(genome)}


def write_bigwig(regions: "Regions", path: Path, sizes: Mapping[str, int]) -> None:
    """Write projected scores as a bigWig; the genome outside the regions stays uncovered.

    Parameters
    ----------
    regions : xarray.Dataset or iterable of them
        Regions with coordinates that do not overlap.
    path : Path
        bigWig file.
    sizes : mapping
        Length of every chromosome, bp, as :func:`write_fasta` returns it.
    """
    import pyBigWig

    entries: list[tuple[str, int, Array]] = []
    for block in _blocks(regions):
        for scores, chrom, start, _ in zip(_projected(block), *_coordinates(block), strict=True):
            inside = scores[max(-start, 0) : sizes[chrom] - start]
            entries.append((chrom, max(start, 0), inside.astype(np.float32)))
    order = {chrom: index for index, chrom in enumerate(sizes)}
    entries.sort(key=lambda entry: (order[entry[0]], entry[1]))
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()))
        for chrom, start, scores in entries:
            file.addEntries(chrom, start, values=scores.tolist(), span=1, step=1)


def write_narrowpeak(regions: "Regions", path: Path) -> None:
    """Write the regions as ENCODE narrowPeak, ten columns, the summit in the middle.

    Parameters
    ----------
    regions : xarray.Dataset or iterable of them
        Regions with coordinates, none of which begins before its chromosome.
    path : Path
        narrowPeak file.
    """
    with Path(path).open("w", encoding="utf-8") as file:
        for block in _blocks(regions):
            names = block["region_name"].to_numpy()
            columns = f"0\t.\t1\t1\t1\t{block.sizes['position'] // 2}"
            rows = zip(*_coordinates(block), names, strict=True)
            file.writelines("\t".join(map(str, row)) + f"\t{columns}\n" for row in rows)


def write_chrombpnet_h5(regions: "Regions", path: Path, *, dtype: Any = np.float32) -> None:
    """Write the layout of ChromBPNet's score files, compressed with blosc as theirs often are.

    ``raw/seq`` is the one-hot sequence, ``shap/seq`` and ``projected_shap/seq`` the scores, all
    ``(region, base, position)``.

    Parameters
    ----------
    regions : xarray.Dataset or iterable of them
        Regions; projected scores are written as they would be projected again.
    path : Path
        HDF5 file.
    dtype : dtype
        Type of the scores.
    """
    import hdf5plugin

    datasets = (
        {"raw/seq": hot, "shap/seq": scores, "projected_shap/seq": scores * hot}
        for hot, scores in _one_hot_blocks(regions, dtype)
    )
    _append_h5(path, datasets, dict(hdf5plugin.Blosc(cname="lz4")))


def write_bpnet_h5(regions: "Regions", path: Path, *, dtype: Any = np.float32) -> None:
    """Write the layout of BPNet's score files: ``input_seqs`` and ``hyp_scores``.

    Both are ``(region, position, base)``.

    Parameters
    ----------
    regions : xarray.Dataset or iterable of them
        Regions; projected scores are written as they would be projected again.
    path : Path
        HDF5 file.
    dtype : dtype
        Type of the scores.
    """
    datasets = (
        {"input_seqs": hot.swapaxes(1, 2), "hyp_scores": scores.swapaxes(1, 2)}
        for hot, scores in _one_hot_blocks(regions, dtype)
    )
    _append_h5(path, datasets, {"compression": "gzip", "compression_opts": 1})


def _one_hot_blocks(regions: "Regions", dtype: Any) -> Iterator[tuple[Array, Array]]:
    for block in _blocks(regions):
        hot = one_hot(block["region_sequence"].to_numpy(), np.int8)
        yield hot, _hypothetical(block).astype(dtype)


def _append_h5(
    path: Path, blocks: Iterable[Mapping[str, Array]], compression: Mapping[str, Any]
) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for block in blocks:
            for name, values in block.items():
                if name in file:
                    written = len(file[name])
                    file[name].resize(written + len(values), axis=0)
                    file[name][written:] = values
                else:
                    shape = (None, *values.shape[1:])
                    file.create_dataset(name, data=values, maxshape=shape, **compression)


def write_modisco_npz(
    regions: "xr.Dataset", sequences: Path, attributions: Path, *, dtype: Any = np.float32
) -> None:
    """Write the input files of TF-MoDISco-lite.

    Parameters
    ----------
    regions : xarray.Dataset
        Regions; projected scores are written as they would be projected again.
    sequences, attributions : Path
        ``.npz`` files of one array ``(region, base, position)`` each; ``.npy`` if so named.
    dtype : dtype
        Type of the scores.
    """
    hot = one_hot(regions["region_sequence"].to_numpy(), np.int8)
    for path, values in ((sequences, hot), (attributions, _hypothetical(regions).astype(dtype))):
        (np.save if Path(path).suffix == ".npy" else np.savez_compressed)(path, values)


def write_finemo_npz(regions: "xr.Dataset", path: Path, *, dtype: Any = np.float16) -> None:
    """Write the regions file of Fi-NeMo.

    Parameters
    ----------
    regions : xarray.Dataset
        Regions, with or without coordinates, projected or hypothetical.
    path : Path
        ``.npz`` file.
    dtype : dtype
        Type of the scores; Fi-NeMo's is float16.
    """
    sequence, scores = _arrays(regions)
    arrays: dict[str, Any] = {
        "sequences": one_hot(sequence, np.int8),
        "contributions": scores.astype(dtype),
    }
    if "region_chrom" in regions:
        chroms, starts, _ = _coordinates(regions)
        order = list(regions.attrs.get("chrom_order", dict.fromkeys(chroms)))
        arrays |= {
            "chr": np.array(chroms, dtype=str),
            "chr_id": np.array([order.index(chrom) for chrom in chroms], dtype=np.uint32),
            "start": np.array(starts, dtype=np.int32),
            "peak_id": regions["region_id"].to_numpy().astype(np.uint32),
            "peak_name": np.array([str(name) for name in regions["region_name"].to_numpy()]),
        }
    np.savez_compressed(path, **arrays)


def write_modisco_h5(
    motifs: "xr.Dataset", path: Path, *, truth: Mapping[str, Array] | None = None
) -> None:
    """Write a TF-MoDISco-lite result: each motif in its own width, with its seqlets.

    Parameters
    ----------
    motifs : xarray.Dataset
        Motifs named ``<group>.<pattern>``, such as ``pos_patterns.pattern_0``.
    path : Path
        HDF5 file.
    truth : mapping, optional
        Planted sites (see :func:`~finemo_zarr.testing.simulate.simulate_regions`) as seqlets;
        without them the patterns have none.

    Raises
    ------
    SchemaError
        If a name has no group.
    """
    import h5py

    sites = truth or {key: np.zeros(0) for key in ("region", "motif", "start", "strand")}
    with h5py.File(path, "w") as file:
        for index in range(motifs.sizes["motif"]):
            motif = motifs.isel(motif=index)
            group, _, pattern = str(motif["motif_name"].item()).partition(".")
            if not pattern:
                raise SchemaError(f"motif {group!r} is not named <group>.<pattern>")
            width = int(motif["motif_width"])
            node = file.create_group(f"{group}/{pattern}")
            for name, variable in _PATTERN_DATASETS.items():
                matrix = motif.get(variable, motif["motif_cwm"]).to_numpy()
                node[name] = matrix[:, :width].T
            _write_seqlets(node.create_group("seqlets"), sites, index, width)


_PATTERN_DATASETS = {
    "contrib_scores": "motif_cwm",
    "hypothetical_contribs": "motif_hcwm",
    "sequence": "motif_ppm",
}


def _write_seqlets(group: Any, sites: Mapping[str, Array], motif: int, width: int) -> None:
    mine = sites["motif"] == motif
    group["example_idx"] = sites["region"][mine].astype(np.int64)
    group["start"] = sites["start"][mine].astype(np.int64)
    group["end"] = sites["start"][mine].astype(np.int64) + width
    group["is_revcomp"] = sites["strand"][mine] == "-"
    group["n_seqlets"] = np.array([mine.sum()], dtype=np.int64)


def write_meme(motifs: "xr.Dataset", path: Path, *, n_sites: int = 1000) -> None:
    """Write the PPMs of motifs in MEME's minimal format, background uniform.

    Parameters
    ----------
    motifs : xarray.Dataset
        Motifs with a PPM.
    path : Path
        Text file.
    n_sites : int
        What the file says of the number of sites of each motif.
    """
    lines = ["MEME version 4", "", f"ALPHABET= {BASES}", "", "strands: + -", ""]
    lines += ["Background letter frequencies", "A 0.25 C 0.25 G 0.25 T 0.25", ""]
    for index in range(motifs.sizes["motif"]):
        motif = motifs.isel(motif=index)
        width = int(motif["motif_width"])
        lines += [f"MOTIF {motif['motif_name'].item()}"]
        lines += [f"letter-probability matrix: alength= 4 w= {width} nsites= {n_sites} E= 0"]
        lines += [
            " ".join(f"{p:.6f}" for p in row) for row in motif["motif_ppm"].to_numpy().T[:width]
        ]
        lines += [""]
    Path(path).write_text("\n".join(lines), encoding="utf-8")
