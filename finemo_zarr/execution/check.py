"""Whether a store is what was written: format, chunks, checksums, digests, order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import store
from finemo_zarr.errors import FinemoError, ReadError
from finemo_zarr.execution.labels import region_label
from finemo_zarr.execution.ledger import digest_arrays
from finemo_zarr.execution.plan import Block
from finemo_zarr.execution.run import Layout, find_run
from finemo_zarr.execution.scheduler import Workers, run_blocks
from finemo_zarr.sequence import NO_BASE

if TYPE_CHECKING:
    import xarray as xr

State = Literal["ok", "damaged", "unfinished"]
_ROWS = 2**18
_NAMED = 3


@dataclass
class Report:
    """What was looked at.

    Parameters
    ----------
    path : path
        The store.
    findings : list of (str, str, str)
        What was looked at, its state ("ok", "damaged" or "unfinished"), and details.
    """

    path: store.Location
    findings: list[tuple[str, State, str]] = field(default_factory=list)

    @property
    def state(self) -> State:
        """The worst that was found."""
        states = {state for _, state, _ in self.findings}
        return "damaged" if "damaged" in states else "unfinished" if states - {"ok"} else "ok"

    def add(self, what: str, damage: str | None, fine: str = "") -> None:
        """Add a finding: damage, or None and what is said of it."""
        self.findings.append((what, "ok" if damage is None else "damaged", damage or fine))


def check_store(path: Path | str | store.RemotePath, *, jobs: int | None = None) -> Report:
    """Look through all of a store.

    Parameters
    ----------
    path : path
        A regions store, a hits store, a folder that `call-hits` wrote, or an output whose run is
        not finished.
    jobs : int, optional
        Number of threads; by default one for each core.

    Returns
    -------
    Report
        What was looked at and what was found. Memory is bounded by the blocks of the run that wrote
        the store.

    Raises
    ------
    ReadError
        If there is nothing of this package.
    """
    located = store.locate(path)
    unfinished = [out for out in (located, located / "hits.zarr") if find_run(out) is not None]
    inner = store.work_path(located) / "hits.zarr"
    unfinished += [inner] if find_run(inner) is not None else []
    where = store.hits_path(located)
    report = Report(where)
    if unfinished:
        _check_run(report, unfinished[0])
    if not store.is_store(where):
        if unfinished:
            return report
        if not where.exists():
            raise ReadError(f"{where}: no such store")
    try:
        info = store.read_info(where)
    except FinemoError as error:
        report.add("metadata", str(error))
        return report
    report.add("metadata", None, f"a {info.kind} store, format {info.format_version}, complete")
    if info.kind == "regions":
        _check_regions(report, jobs)
    else:
        _check_hits(report)
        if located is not where and located != where:
            _check_tables(report, located)
    return report


def _check_run(report: Report, output: store.Location) -> None:
    run = find_run(output)
    if run is None:
        return
    done = run.ledger.done()
    report.findings.append(
        (
            "run",
            "unfinished",
            f"{int(done.sum())} of {done.size} blocks are done; start the same command again",
        )
    )


# --- Any store -----------------------------------------------------------------------------------


def _check_arrays(
    report: Report, digests: Mapping[str, str], skip: tuple[str, ...] = ()
) -> dict[str, str]:
    """Read every array; returns what is damaged, by name."""
    damaged: dict[str, str] = {}
    try:
        root: Any = store.open_group(report.path)
        found = list(dict.fromkeys([*root.attrs.get("arrays", ()), *store.array_names(root)]))
    except store.access_errors() as error:
        report.add("arrays", f"cannot be listed ({_one_line(error)})")
        return {"": "cannot be listed"}
    for name in found:
        if name not in skip:
            damage = _read_through(root, name, digests.get(name))
            if damage is not None:
                damaged[name] = damage
    report.add(
        "arrays",
        "; ".join(f"{name}: {damage}" for name, damage in damaged.items()) or None,
        f"all {len(found)} can be read"
        + (f", {len(digests)} digests are right" if digests else ""),
    )
    return damaged


def _one_line(error: BaseException) -> str:
    text = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {' '.join(text.split())}"


def _read_through(root: Any, name: str, digest: str | None) -> str | None:
    """Read an array in pieces; returns what is wrong with it."""
    total = store.new_digest()
    try:
        array = root[name]
        if (lost := array.nchunks - array.nchunks_initialized) > 0:
            return f"{lost} of {array.nchunks} chunks are not there"
        step = max(array.chunks[0], _ROWS // array.chunks[0] * array.chunks[0])
        for first in range(0, array.shape[0], step):
            values = np.asarray(array[first : first + step])
            if digest is not None:
                total.update(np.ascontiguousarray(values).data)
    except store.access_errors() as error:
        return f"cannot be read ({_one_line(error)})"
    if digest is not None and total.hexdigest() != digest:
        return "its values are not those that were written (the digest differs)"
    return None


# --- Regions -------------------------------------------------------------------------------------


def _check_regions(report: Report, jobs: int | None) -> None:
    _check_arrays(report, {}, skip=("region_sequence", "region_contributions"))
    try:
        regions = store.open_regions(report.path)
        ledger: Any = store.open_group(report.path, "ledger")
        marks = np.asarray(ledger["marks"][...])
        attributes = dict(ledger.attrs)
        columns = list(attributes.pop("columns"))
        layout = Layout(**attributes)
    except store.access_errors() as error:  # FinemoErrors are among them
        report.add("ledger", f"cannot be read ({error}); extract the regions again")
        return
    report.add("ledger", None, f"{len(marks)} blocks")
    report.add("coordinates", _coordinate_damage(regions), f"{layout.n_regions:,} regions")
    digest = marks[:, [columns.index("digest_0"), columns.index("digest_1")]]
    task = _RegionsTask(report.path, digest, regions)
    failures = run_blocks(task, layout.blocks(), Workers(jobs=jobs), label="check")
    damage = None
    if failures:
        first = "; ".join(
            f"regions {failure.block.start} to {failure.block.stop - 1}, from "
            f"{region_label(regions, failure.block.start)} on: {failure.cause}"
            for failure in failures[:_NAMED]
        )
        more = "; …" if len(failures) > _NAMED else ""
        damage = (
            f"{len(failures)} of {len(marks)} blocks. {first}{more}. The other regions are safe; "
            "extract the store again"
        )
    report.add("sequences and scores", damage, "all are as they were written")


@dataclass(frozen=True)
class _RegionsTask:
    path: store.Location
    digests: NDArray[np.int64]
    regions: "xr.Dataset"

    def __call__(self, block: Block) -> None:
        tracks = (block.track,) if "track" in self.regions.sizes else None
        data = store.read_block(self.path, block.regions, tracks)
        codes, scores = data["region_sequence"].values, data["region_contributions"].values
        if (codes > NO_BASE).any() or not np.isfinite(scores).all():
            raise ReadError("holds what is no base or no score")
        if (self.digests[block.index] != digest_arrays(codes, scores)).any():
            raise ReadError("not what was written (the digest differs)")


def _coordinate_damage(regions: "xr.Dataset") -> str | None:
    if "region_chrom" not in regions:
        return None
    with store.reading(Path()):
        width = regions["region_end"].values - regions["region_start"].values
    expected = regions.get("region_width", None)
    right = regions.sizes["position"] if expected is None else expected.values
    wrong = np.flatnonzero(width != right)
    if not wrong.size:
        return None
    return f"{wrong.size} are not as wide as their scores, first {region_label(regions, wrong[0])}"


# --- Hits ----------------------------------------------------------------------------------------


def _check_hits(report: Report) -> None:
    attributes = store.open_group(report.path).attrs
    digests: Any = attributes.get("digests", {})
    if _check_arrays(report, digests):
        return
    try:
        opened = store.open_hits(report.path)
    except FinemoError as error:
        report.add("specification", str(error))
        return
    report.add("specification", None, "all variables are as they must be")
    report.add("hits", _hit_damage(opened), f"{opened.hits.sizes['hit']:,}, in order, in regions")


def _hit_damage(opened: store.HitsStore) -> str | None:
    """What is wrong with where hits lie and how they are ordered, chunk by chunk."""
    hits, n_hits = opened.hits, opened.hits.sizes["hit"]
    n_regions, n_motifs = opened.qc.sizes["region"], opened.motifs.sizes["motif"]
    width = opened.regions.attrs.get("region_width", np.iinfo(np.int32).max)
    widths = opened.regions.get("region_width", None)
    names = ["region", "start", "motif"]
    names = ["track", *names] if "hit_track" in hits else names
    last: tuple[int, ...] = (-1,)
    for first in range(0, n_hits, _ROWS):
        part = hits.isel(hit=slice(first, first + _ROWS)).load()
        region, motif = part["hit_region"].values, part["hit_motif"].values
        if ((region < 0) | (region >= n_regions) | (motif < 0) | (motif >= n_motifs)).any():
            return f"from hit {first} on, some name a region or a motif that there is not"
        ends = width if widths is None else widths.values[region]
        if ((part["hit_start"].values < 0) | (part["hit_end"].values > ends)).any():
            return f"from hit {first} on, some do not lie in their regions"
        keys = np.stack([part[f"hit_{name}"].values for name in names])
        ordered = np.lexsort(keys[::-1])
        begin = tuple(keys[:, 0].tolist())
        if (ordered != np.arange(ordered.size)).any() or begin < last:
            return f"from hit {first} on, they are not in the order of {', '.join(names)}"
        last = tuple(keys[:, -1].tolist())
    return None


def _check_tables(report: Report, folder: store.Location) -> None:
    if isinstance(folder, store.RemotePath) or not (folder / "hits.tsv").exists():
        return
    opened = store.open_hits(report.path)
    n_rows = opened.qc["qc_scale"].size
    expected: dict[str, Callable[[int], bool]] = {
        "hits.tsv": lambda rows: rows == opened.hits.sizes["hit"] + 1,
        "hits_unique.tsv": lambda rows: 1 <= rows <= opened.hits.sizes["hit"] + 1,
        "peaks_qc.tsv": lambda rows: rows == n_rows + 1,
        "motif_data.tsv": lambda rows: rows == opened.motifs.sizes["motif"] + 1,
    }
    wrong = [name for name, fits in expected.items() if not fits(_lines(folder / name))]
    damage = None
    if wrong:
        damage = (
            f"{', '.join(wrong)}: not as many lines as the store has rows; remove them and start "
            "call-hits again, which writes them from the store"
        )
    report.add("tables", damage, "as many lines as the store has rows")


def _lines(path: Path) -> int:
    """Lines that are whole; 0 if there is no such file."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(2**20), b""))
