"""The formats that hits are exported to, and how an export is made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from finemo_zarr._optional import import_optional
from finemo_zarr.errors import RunError
from finemo_zarr.export._chrom_sizes import LONGEST
from finemo_zarr.export._source import ExportOptions, Source
from finemo_zarr.export.session import SESSION_FILES
from finemo_zarr.export.tsv import TABLES, write_tables
from finemo_zarr.store import (
    Location,
    RemotePath,
    locate,
    move_file,
    open_regions,
    reading,
    remove,
    scratch_folder,
    staged,
)

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Format:
    """What hits can be exported to.

    Parameters
    ----------
    name : str
        As on the command line.
    writer : str
        Module of this package and function that writes a :class:`Source` to a local path.
    summary : str
        One phrase for the help.
    file : str
        Standard name of the output, file or folder.
    packages : tuple of str
        Of the extra ``export``, which it needs.
    placed : bool
        Whether regions must have coordinates.
    scored : bool
        Whether the regions store is needed.
    beside : tuple of str
        What its second file, if it has one, ends in.
    contents : tuple of str
        If it is a folder: patterns of what is in it.
    counts : {"hits", "sites", "motifs", "regions"}
        What it has an entry for. A site may be a hit in several regions: its writer counts them.
    furthest : int, optional
        The last position that it can hold.
    """

    name: str
    writer: str
    summary: str
    file: str
    packages: tuple[str, ...] = ()
    placed: bool = False
    scored: bool = False
    beside: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    counts: Literal["hits", "sites", "motifs", "regions"] = "hits"
    furthest: int | None = None

    def check_regions(self, path: Location, regions: "xr.Dataset") -> None:
        """Raise if a package is missing, or the format cannot hold where the regions lie."""
        for package in self.packages:
            import_optional(package, extra="export", purpose=f"the format {self.name}")
        placed = "region_chrom" in regions
        if self.placed and not placed:
            others = ", ".join(other.name for other in FORMATS.values() if not other.placed)
            raise RunError(
                f"{path}: its regions have no coordinates, which the format {self.name} "
                f"needs; extract them again with peaks, or export one of {others}"
            )
        if placed and self.furthest is not None:
            ends = regions["region_end"].values
            if ends.max(initial=0) > self.furthest:
                last = int(ends.argmax())
                raise RunError(
                    f"{path}: a region ends at {ends[last]:,} of"
                    f" {regions['region_chrom'].values[last]}, and the format {self.name} holds"
                    f" positions up to {self.furthest:,}; bed.gz, parquet and tsv hold all"
                )

    def may_replace(self, path: Location) -> bool:
        """Whether what is there may be an earlier output: a file, or a folder of nothing else."""
        if not self.contents:
            return path.is_file()
        names = [entry.name for entry in path.iterdir()] if path.is_dir() else [""]
        return all(any(fnmatch(name, known) for known in self.contents) for name in names)

    def second_files(self, path: Path) -> list[Path]:
        """Files that were written beside an output."""
        beside = (path.with_name(f"{path.name}{suffix}") for suffix in self.beside)
        return [second for second in beside if second.is_file()]

    def names(self) -> list[str]:
        """Names that its files may have in a folder of outputs."""
        return [self.file, *(f"{self.file}{suffix}" for suffix in self.beside)]

    def write(self, source: Source, path: Path) -> int:
        """Write the format.

        Returns
        -------
        int
            Number of entries; see `counts`.

        Raises
        ------
        MissingDependencyError
            If a package is missing.
        RunError
            If the store lacks coordinates or has some that are too large, or the regions store was
            not given.
        """
        self.check(source)
        module, _, function = self.writer.partition(":")
        write: Callable[[Source, Path], int | None] = getattr(
            import_module(f"finemo_zarr.export.{module}"), function
        )
        written = write(source, path)
        return source.count(self.counts) if self.counts != "sites" else int(written or 0)

    def check(self, source: Source) -> None:
        """Raise if a source cannot be written; see :meth:`write`."""
        self.check_regions(source.path, source.opened.regions)
        if self.scored and source.options.regions is None:
            raise RunError(
                f"the format {self.name} needs the scores, which {source.path} does not hold: "
                "give the regions store that the hits were called in, -r/--regions"
            )


_ALL = (
    Format(
        "tsv", "tsv:write_folder", "folder of the tables of call-hits", "tables", contents=TABLES
    ),
    Format("bed", "bed:write_bed", "BED, six columns", "hits.bed", placed=True, counts="sites"),
    Format(
        "bed9",
        "bed:write_bed9",
        "BED, nine columns, a colour for each motif",
        "hits.bed9.bed",
        placed=True,
        counts="sites",
    ),
    Format(
        "bed.gz",
        "bed:write_bed_gz",
        "bed9, compressed, and its tabix index",
        "hits.bed.gz",
        packages=("pysam",),
        placed=True,
        beside=(".tbi", ".csi"),
        counts="sites",
    ),
    Format(
        "bigbed",
        "bigbed:write_bigbed",
        "bigBed, with scores in more columns",
        "hits.bb",
        packages=("pybigtools",),
        placed=True,
        counts="sites",
        furthest=LONGEST,
    ),
    Format("parquet", "parquet:write_parquet", "the table hits.tsv as Parquet", "hits.parquet"),
    Format(
        "h5ad",
        "h5ad:write_h5ad",
        "AnnData, regions × motifs",
        "hits.h5ad",
        packages=("anndata",),
    ),
    Format(
        "npz",
        "npz:write_npz",
        "regions.npz for Fi-NeMo; needs -r",
        "regions.npz",
        scored=True,
        counts="regions",
        furthest=2**31 - 1,
    ),
    Format("meme", "meme:write_meme", "motifs in MEME format", "motifs.meme", counts="motifs"),
    Format(
        "modisco-h5",
        "modisco_h5:write_modisco_h5",
        "motifs as a TF-MoDISco-lite result, hits as seqlets",
        "motifs.h5",
    ),
    Format(
        "tfm-bed",
        "tfm_bed:write_tfm_bed",
        "hits of modisco-scoring in the 16 columns of the published pipeline",
        "tfm_matches.bed",
        placed=True,
    ),
    Format(
        "session",
        "session:write_session",
        "folder for JBrowse 2 and IGV, contributions and hits; needs -r",
        "session",
        packages=("pysam",),
        placed=True,
        scored=True,
        contents=SESSION_FILES,
        counts="sites",
        furthest=LONGEST,
    ),
)
FORMATS = {made.name: made for made in _ALL}
"""All formats, by name."""

OUTPUT_NAMES = tuple(
    name for made in _ALL if made.name != "tsv" for name in made.names() if name not in TABLES
)
"""Names of what :func:`write_formats` may put into a folder beside :data:`TABLES`."""


def export_hits(
    hits: Path | str | RemotePath,
    format: str,
    out: Path | str | RemotePath,
    *,
    regions: Path | str | RemotePath | None = None,
    options: ExportOptions | None = None,
    overwrite: bool = False,
) -> int:
    """Write a hits store in another format.

    Parameters
    ----------
    hits : path
        A hits store, or a folder that `call-hits` wrote.
    format : str
        One of :data:`FORMATS`.
    out : path
        A file, or a folder for ``tsv`` and ``session``. It appears whole or not at all; an index
        appears before the file it belongs to.
    regions : path, optional
        The regions store, as in `options`.
    options : ExportOptions, optional
        Which hits are written; by default all.
    overwrite : bool
        Replace an output of the same kind.

    Returns
    -------
    int
        Number of hits that were written, or of what else the format holds (`Format.counts`).

    Raises
    ------
    ReadError
        If a store cannot be read, or the two do not belong together.
    SchemaError
        If the store lacks what the choice of hits needs.
    MissingDependencyError
        If the format needs a package that is not installed.
    RunError
        If there is no such format, the store lacks coordinates that it needs, or the output exists
        or cannot be written.
    """
    made = _find(format)
    options = options or ExportOptions()
    if regions is not None:
        options = replace(options, regions=locate(regions))
    target = locate(out)
    source = Source.open(locate(hits), options, target)
    made.check(source)
    with staged(target, overwrite=overwrite, replaceable=made.may_replace) as work:
        if isinstance(work, Path):
            count = made.write(source, work)
            for suffix in made.beside:  # one that is left over would belong to the old output
                remove(target.parent / f"{target.name}{suffix}")
            for second in made.second_files(work):
                move_file(second, target.parent / second.name)
        else:
            with scratch_folder(target, made.name) as folder:
                count = made.write(source, folder / target.name)
                _upload(folder, target)
    return count


def _find(name: str) -> Format:
    if name not in FORMATS:
        raise RunError(f"there is no format {name!r}; expected one of {', '.join(FORMATS)}")
    return FORMATS[name]


def _upload(folder: Path, target: Location) -> None:
    """Put what was written in a folder into a bucket, an index before the file it belongs to."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.name == target.name):
        move_file(path, _below(target.parent, path.relative_to(folder).parts))


def _below(place: Location, parts: Sequence[str]) -> Location:
    for part in parts:
        place = place / part
    return place


def check_formats(formats: Sequence[str], regions: Path | str | RemotePath) -> None:
    """Raise if hits in a regions store could not be written, before they are called.

    Parameters
    ----------
    formats : sequence of str
        Of :data:`FORMATS`.
    regions : path
        The regions store.

    Raises
    ------
    MissingDependencyError
        If a format needs a package that is not installed.
    RunError
        If there is no such format, or it needs coordinates that the regions lack, or cannot hold
        those that they have.
    """
    path = locate(regions)
    chosen = [_find(name) for name in formats]
    with reading(path):
        places = open_regions(path).drop_dims("position").load()
    for made in chosen:
        made.check_regions(path, places)


def write_formats(
    hits: Path | str | RemotePath,
    folder: Path | str | RemotePath,
    formats: Sequence[str],
    regions: Path | str | RemotePath | None = None,
) -> None:
    """Put formats into a folder, each under its standard name.

    What is there is replaced, but for tables.

    Parameters
    ----------
    hits : path
        A hits store.
    folder : path
        The folder.
    formats : sequence of str
        Of :data:`FORMATS`. Tables (``tsv``) lie in the folder itself.
    regions : path, optional
        The regions store, for formats that need it.

    Raises
    ------
    ReadError, MissingDependencyError, RunError
        As from :func:`export_hits`.
    """
    folder = locate(folder)
    options = ExportOptions(regions=None if regions is None else locate(regions))
    chosen = [_find(name) for name in dict.fromkeys(formats)]
    source = Source.open(locate(hits), options, folder)
    for made in chosen:  # what cannot be written is said before anything is
        made.check(source)
    for made in chosen:
        if made.name == "tsv":
            if not all((folder / name).is_file() for name in TABLES):
                write_tables(hits, folder)
        else:
            export_hits(hits, made.name, folder / made.file, options=options, overwrite=True)
