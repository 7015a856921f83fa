import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest
from hit_rows import read, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finemo_zarr import store
from finemo_zarr.errors import InputWarning, ReadError
from finemo_zarr.execution import call_hits, extract_regions
from finemo_zarr.export import write_tables
from finemo_zarr.model import create_motifs
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.postprocess import (
    Annotations,
    _tables,
    annotate_hits,
    annotate_table,
    variant_hits,
    variants_path,
)
from finemo_zarr.problem import region_problem
from finemo_zarr.sequence import BASES, decode, one_hot
from finemo_zarr.solvers.coordinate_descent import CoordinateDescent

# Column by column; the core is GAT, columns 1 to 3, of five.
CWM = np.array(
    [
        # A    C    G    T
        [0.1, 0.0, 0.0, 0.0],
        [0.0, 0.0, 2.0, 0.0],
        [3.0, 0.5, 0.0, 0.0],
        [0.0, 0.0, 0.0, 4.0],
        [0.0, 0.0, 0.2, 0.0],
    ]
).T
WIDTH = CWM.shape[1]
CORE = (1, 4)
COMPLEMENT = dict(zip("ACGT", "TGCA", strict=True))
HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


@dataclass(frozen=True)
class Memory:
    """Regions that are there already."""

    name: ClassVar[str] = "memory"
    summary: ClassVar[str] = "Regions in memory."
    regions: Any = None

    def read(self) -> Any:
        return self.regions.chunk(region=16)


@pytest.fixture(scope="module")
def one_region(tmp_path_factory, regions) -> Path:
    path = tmp_path_factory.mktemp("regions") / "regions.zarr"
    extract_regions(Memory(regions.isel(region=[0])), path)
    return path


def call(regions: Path, out: Path, **options) -> Path:
    """A hits store with the motifs GATA1, as above, and CTCF, without hypothetical matrices."""
    raw = create_motifs(["GATA1", "CTCF"], np.stack([CWM, CWM[:, ::-1]]))
    motifs = prepare_motifs(raw, MotifOptions(**options))
    call_hits(regions, motifs, out, solver=CoordinateDescent())
    return out


@pytest.fixture(scope="module")
def motif_store(tmp_path_factory, one_region) -> Path:
    """What tests only read."""
    return call(one_region, tmp_path_factory.mktemp("motifs") / "motifs.zarr")


@pytest.fixture(scope="module")
def called(tmp_path_factory, regions, raw_motifs) -> Path:
    """A hits store with all regions and the simulated motifs, which have hypothetical matrices."""
    folder = tmp_path_factory.mktemp("called")
    extract_regions(Memory(regions), folder / "regions.zarr")
    motifs = prepare_motifs(raw_motifs, MotifOptions())
    call_hits(folder / "regions.zarr", motifs, folder / "hits.zarr", solver=CoordinateDescent())
    return folder / "hits.zarr"


def hit(start: int, strand: str = "+", **more) -> dict:
    """A hit of GATA1 whose untrimmed motif begins at `start`."""
    left, right = CORE if strand == "+" else (WIDTH - CORE[1], WIDTH - CORE[0])
    return {
        "chr": "chr1",
        "start": start + left,
        "end": start + right,
        "start_untrimmed": start,
        "end_untrimmed": start + WIDTH,
        "motif_name": "GATA1",
        "hit_coefficient": 2.0,
        "hit_coefficient_global": 0.5,
        "hit_similarity": 0.8,
        "hit_importance_sq": 0.75,
        "strand": strand,
        "peak_name": "p",
        "peak_id": 0,
    } | more


def vcf(path: Path, *rows: str) -> Path:
    """Rows as `chrom pos id ref alt`."""
    lines = ["\t".join([*row.split(), ".", ".", "."]) for row in rows]
    content = HEADER + "".join(f"{line}\n" for line in lines)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(content.encode()))
    else:
        path.write_text(content)
    return path


def one(rows: list[dict], path: Path, motifs: Path, **more) -> dict:
    (row,) = variant_hits(pl.DataFrame(rows), path, motifs=motifs, **more).to_dicts()
    return row


# --- Where and what ------------------------------------------------------------------------------


def test_position__runs_along_the_strand_of_the_hit(tmp_path, motif_store) -> None:
    """The motif is A G A T G from 100 to 105; on the other strand the genome reads C A T C T."""
    # Position 103 of VCF is base 102: the third column on "+", and on "-".
    path = vcf(tmp_path / "v.vcf", "chr1 103 rs1 A C")
    row = one([hit(100)], path, motif_store)
    assert (row["motif_position"], row["core_position"], row["in_core"]) == (2, 1, 1)
    assert row["cwm_change"] == pytest.approx(0.5 - 3.0)
    # On "-", genome T at 102 is A of the motif, and genome G is its C.
    path = vcf(tmp_path / "w.vcf", "chr1 103 rs1 T G")
    row = one([hit(100, "-")], path, motif_store)
    assert (row["motif_position"], row["core_position"]) == (2, 1)
    assert row["cwm_change"] == pytest.approx(0.5 - 3.0)
    # Base 101 of the genome is the fourth column on "-": genome A is T there.
    row = one([hit(100, "-")], vcf(tmp_path / "x.vcf", "chr1 102 rs1 A G"), motif_store)
    assert (row["motif_position"], row["core_position"]) == (3, 2)
    assert row["cwm_change"] == pytest.approx(0.0 - 4.0)


@pytest.mark.parametrize("strand", ["+", "-"])
@pytest.mark.parametrize(("pos", "touched"), [(101, 0), (102, 1), (104, 1), (105, 0)])
def test_vcf__counts_from_one(tmp_path, strand, pos, touched) -> None:
    """The core is 101 to 104, half-open and counted from 0, so 102 to 104 in VCF, on both."""
    path = vcf(tmp_path / "v.vcf.gz", f"chr1 {pos} . A C")
    found = annotate_hits(pl.DataFrame([hit(100, strand)]), variants=path)
    assert found["n_variants"].to_list() == [touched]


@pytest.mark.parametrize("strand", ["+", "-"])
@pytest.mark.parametrize(("pos", "touched"), [(100, 0), (101, 1), (105, 1), (106, 0)])
def test_flanks__are_touched_where_asked(tmp_path, motif_store, strand, pos, touched) -> None:
    path = vcf(tmp_path / "v.vcf", f"chr1 {pos} . A C")
    found = annotate_hits(pl.DataFrame([hit(100, strand)]), variants=path, flanks=True)
    assert found["n_variants"].to_list() == [touched]
    if touched:
        row = one([hit(100, strand)], path, motif_store, flanks=True)
        assert row["in_core"] == 0
        assert row["hit_change"] == 0
        first = (pos == 101) == (strand == "+")
        assert (row["motif_position"], row["core_position"]) == ((0, -1) if first else (4, 3))


def brute_force(row: dict, start: int, ref: str, alt: str) -> tuple[int, float]:
    """First column and change of a substitution, base by base on the strand of the hit."""
    columns, change = [], 0.0
    minus = row["strand"] == "-"
    for at, bases in enumerate(zip(ref, alt, strict=True), start):
        column = row["end_untrimmed"] - 1 - at if minus else at - row["start_untrimmed"]
        old, new = (COMPLEMENT[base] if minus else base for base in bases)
        if 0 <= column < WIDTH:
            columns.append(column)
            change += CWM[BASES.index(new), column] - CWM[BASES.index(old), column]
    return min(columns), change


def trimmed(start: int, ref: str, alt: str) -> tuple[int, str, str]:
    while ref and ref[0] == alt[0]:
        start, ref, alt = start + 1, ref[1:], alt[1:]
    while ref and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    return start, ref, alt


@st.composite
def substitution(draw) -> tuple[int, str, str]:
    length = draw(st.integers(1, 4))
    alleles = st.text("ACGT", min_size=length, max_size=length)
    return draw(st.integers(2, 40)), draw(alleles), draw(alleles)


# The store is read only.
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    found=st.lists(substitution(), min_size=1, max_size=8),
    places=st.lists(st.tuples(st.integers(0, 36), st.sampled_from("+-")), min_size=1, max_size=6),
    flanks=st.booleans(),
)
def test_substitutions__change_what_the_definition_says(
    tmp_path_factory, motif_store, found, places, flanks
) -> None:
    folder = tmp_path_factory.mktemp("substitutions")
    rows = [hit(start, strand) for start, strand in places]
    path = vcf(
        folder / "v.vcf",
        "chr1 5000 far A C",
        *(f"chr1 {at + 1} v{k} {r} {a}" for k, (at, r, a) in enumerate(found)),
    )
    expected = {}
    for k, (start, ref, alt) in enumerate(found):
        at, old, new = trimmed(start, ref, alt)
        for number, row in enumerate(rows):
            suffix = "_untrimmed" if flanks else ""
            low, high = row[f"start{suffix}"], row[f"end{suffix}"]
            if old and at < high and at + len(old) > low:
                expected[number, f"v{k}"] = brute_force(row, at, old, new)
    table = variant_hits(pl.DataFrame(rows), path, motifs=motif_store, flanks=flanks)
    assert set(zip(table["hit"], table["variant_id"], strict=True)) == set(expected)
    for row in table.to_dicts():
        column, change = expected[row["hit"], row["variant_id"]]
        assert row["motif_position"] == column
        assert row["core_position"] == column - CORE[0]
        assert row["cwm_change"] == pytest.approx(change)
        assert (row["ref"], row["alt"]) == found[int(row["variant_id"][1:])][1:]
    counts = annotate_hits(pl.DataFrame(rows), variants=path, flanks=flanks)["n_variants"]
    assert counts.to_list() == [sum(n == k for n, _ in expected) for k in range(len(rows))]


@pytest.mark.parametrize(
    ("row", "kind", "touched"),
    [
        ("chr1 101 . A AC", "insertion", False),  # between 100 and 101: before the core
        ("chr1 102 . A AC", "insertion", True),  # between 101 and 102
        ("chr1 103 . A ACC", "insertion", True),
        ("chr1 104 . A AC", "insertion", False),  # between 103 and 104: behind it
        ("chr1 101 . AC A", "deletion", True),  # of the base 101
        ("chr1 100 . AC A", "deletion", False),
        ("chr1 103 . TT T", "deletion", True),
        ("chr1 104 . TT T", "deletion", False),
        ("chr1 102 . AC GTT", "indel", True),
        ("chr1 90 . A <DEL>", "other", False),
        ("chr1 102 . A <DEL>", "other", True),
        ("chr1 102 . A A[chr2:5[", "other", True),
    ],
)
@pytest.mark.parametrize("strand", ["+", "-"])
def test_indels__touch_but_change_is_not_known(
    tmp_path, motif_store, row, kind, touched, strand
) -> None:
    path = vcf(tmp_path / "v.vcf", row)
    found = variant_hits(pl.DataFrame([hit(100, strand)]), path, motifs=motif_store)
    assert found["kind"].to_list() == [kind] * touched
    assert found["cwm_change"].is_nan().all()
    assert found["hit_change"].is_nan().all()
    assert found["in_core"].to_list() == [1] * touched


def test_insertions__stand_before_a_base_of_the_motif(tmp_path, motif_store) -> None:
    path = vcf(tmp_path / "v.vcf", "chr1 102 . A AC")  # between 101 and 102
    assert one([hit(100)], path, motif_store)["motif_position"] == 2
    assert one([hit(100, "-")], path, motif_store)["motif_position"] == 3


def test_deletions__begin_at_the_end_of_a_reverse_motif(tmp_path, motif_store) -> None:
    path = vcf(tmp_path / "v.vcf", "chr1 101 . ACC A")  # the bases 101 and 102
    assert one([hit(100)], path, motif_store)["motif_position"] == 1
    assert one([hit(100, "-")], path, motif_store)["motif_position"] == 2


def test_symbolic_alleles__reach_to_their_end(tmp_path, motif_store) -> None:
    path = tmp_path / "v.vcf"
    path.write_text(f"{HEADER}chr1\t50\t.\tA\t<DEL>\t.\t.\tSVTYPE=DEL;END=102\n")
    row = one([hit(100), hit(101), hit(300)], path, motif_store)
    assert (row["hit"], row["variant_start"], row["variant_end"]) == (0, 49, 102)


def test_alleles__are_looked_at_one_by_one(tmp_path, motif_store) -> None:
    path = vcf(tmp_path / "v.vcf", "chr1 103 . A C,T,*,AC", "chr1 103 rs a .")
    found = variant_hits(pl.DataFrame([hit(100)]), path, motifs=motif_store)
    assert found["alt"].to_list() == ["C", "T", "AC"]
    assert found["variant_id"].to_list() == [f"chr1:103:A:{alt}" for alt in ("C", "T", "AC")]
    np.testing.assert_allclose(found["cwm_change"], [-2.5, -3, np.nan])


def test_alleles__that_are_not_known_change_what_is_not_known(tmp_path, motif_store) -> None:
    row = one([hit(100)], vcf(tmp_path / "v.vcf", "chr1 103 . N C"), motif_store)
    assert (row["kind"], row["motif_position"]) == ("snv", 2)
    assert np.isnan(row["cwm_change"])


def test_bed__has_names_and_alleles(tmp_path, motif_store) -> None:
    path = tmp_path / "v.bed"
    path.write_text(
        "chr1\t102\t103\trs1\tA\tC\nchr1\t102\t103\trs2\t0\t+\nchr1\t102\t102\n\nchr1 90 91 far\n"
    )
    found = variant_hits(pl.DataFrame([hit(100)]), path, motifs=motif_store)
    assert found["variant_id"].to_list() == ["chr1:102-102", "rs1", "rs2"]
    assert found["kind"].to_list() == ["other", "snv", "other"]
    np.testing.assert_allclose(found["cwm_change"], [np.nan, -2.5, np.nan])


def test_hypothetical_matrices__are_used_where_there_are(called, tmp_path) -> None:
    found = annotate_hits(called, beds={"x": _everywhere(called, tmp_path)})
    row = found.with_row_index("n").filter(pl.col("strand") == "-").row(0, named=True)
    middle = (row["start"] + row["end"]) // 2
    path = vcf(tmp_path / "v.vcf", f"{row['chr']} {middle + 1} . G T")
    with pytest.warns(InputWarning, match="nothing on 2 of the 3"):
        table = variant_hits(called, path)
    pair = table.filter(pl.col("hit") == row["n"]).row(0, named=True)
    motifs = store.open_hits(called).motifs
    forward = np.flatnonzero(motifs["motif_name"].values == row["motif_name"])[0]
    column = row["end_untrimmed"] - 1 - middle
    assert pair["motif_position"] == column
    for name in ("cwm", "hcwm"):
        matrix = motifs[f"motif_{name}"].values[forward]
        change = matrix[BASES.index("A"), column] - matrix[BASES.index("C"), column]
        assert pair[f"{name}_change"] == pytest.approx(change)


def _everywhere(hits: Path, folder: Path) -> Path:
    chroms = sorted(set(store.open_hits(hits).regions["region_chrom"].values.tolist()))
    (folder / "all.bed").write_text("".join(f"{chrom}\t0\t100000\n" for chrom in chroms))
    return folder / "all.bed"


def test_hit_change__is_worked_out_by_hand(tmp_path, motif_store) -> None:
    """Scale 0.5, so that energy 0.75 / 0.25 = 3 halves the column; the matrix has a norm."""
    row = one([hit(100)], vcf(tmp_path / "v.vcf", "chr1 103 . A C"), motif_store)
    norm = np.sqrt((CWM**2).sum())
    assert row["hit_change"] == pytest.approx(2.0 * 0.5 * 0.5 * -2.5 / norm)
    bare = pl.DataFrame([hit(100)]).drop("hit_importance_sq")
    found = variant_hits(bare, tmp_path / "v.vcf", motifs=motif_store)
    assert np.isnan(found["hit_change"][0])


def test_hit_change__is_that_of_what_is_explained(tmp_path, called, regions, motifs) -> None:
    """Against the definition of the problem: the score explained at a base, before and after."""
    hits = store.open_hits(called).hits.load()
    rng, rows, expected = np.random.default_rng(0), [], []
    for region in np.unique(hits["hit_region"].values)[:10].tolist():
        problem = region_problem(regions, region, motifs)
        coefficients = np.zeros(problem.allowed.shape)
        here = hits.isel(hit=hits["hit_region"].values == region)
        coefficients[here["hit_motif"].values, here["hit_start"].values] = here["hit_coefficient"]
        weighted = coefficients * problem.importance_scale()
        position = int(here["hit_start"].values[0]) + 1
        ref = decode(regions["region_sequence"].values[region])[position]
        alt = str(rng.choice([base for base in "ACGT" if base != ref]))
        shown = np.zeros(4)
        for motif, start in zip(*np.nonzero(weighted), strict=True):
            core = problem.cores[motif]
            if start <= position < start + core.shape[1]:
                shown += weighted[motif, start] * core[:, position - start]
        change = (shown[BASES.index(alt)] - shown[BASES.index(ref)]) * problem.scale
        visible = one_hot(regions["region_sequence"].values[region], np.float64)
        explained = problem.forward(coefficients)[:, position]
        np.testing.assert_allclose(explained, shown * visible[:, position])
        chrom = regions["region_chrom"].values[region]
        place = regions["region_start"].values[region] + position + 1
        rows.append(f"{chrom} {place} r{region} {ref} {alt}")
        expected.append((f"r{region}", change))
    table = variant_hits(called, _quietly(vcf, tmp_path / "v.vcf", rows))
    found = dict(table.group_by("variant_id").agg(pl.col("hit_change").sum()).rows())
    assert len(found) == 10
    for name, change in expected:
        assert found[name] == pytest.approx(change, rel=1e-4)


def _quietly(make, path: Path, rows: list[str]) -> Path:
    """Variants on all chromosomes, so that no warning is due."""
    return make(path, *rows, *(f"chr{k} 5000000 far A C" for k in (1, 2, 3)))


def test_hit_change__of_roots_is_not_known(tmp_path, one_region) -> None:
    call(one_region, tmp_path / "s.zarr", sqrt_transform=True)
    row = one([hit(100)], vcf(tmp_path / "v.vcf", "chr1 103 . A C"), tmp_path / "s.zarr")
    assert row["cwm_change"] == pytest.approx(-2.5)
    assert np.isnan(row["hit_change"])


# --- Tables --------------------------------------------------------------------------------------


def test_table__has_a_second_one_beside_it(tmp_path, motif_store) -> None:
    rows = [hit(300), hit(100), hit(100, "-")]
    source = write(tmp_path / "h.tsv", rows, columns=list(rows[0]))
    path = vcf(tmp_path / "v.vcf", "chr1 103 rs1 A C", "chr1 102 rs2 A G")
    asked = Annotations(variants=path)
    counts = annotate_table(source, tmp_path / "o.tsv", asked, motifs=motif_store)
    assert counts == (3, 4, 2)
    assert [row["n_variants"] for row in read(tmp_path / "o.tsv")] == ["0", "2", "2"]
    pairs = read(tmp_path / "o_variants.tsv")
    assert [(row["hit"], row["variant_id"]) for row in pairs] == [
        ("1", "rs2"), ("1", "rs1"), ("2", "rs2"), ("2", "rs1"),
    ]  # fmt: skip
    expected = variant_hits(source, path, motifs=motif_store)
    assert list(pairs[0]) == expected.columns
    assert float(pairs[1]["cwm_change"]) == expected["cwm_change"][1]


@pytest.mark.parametrize("size", [200, 2**24])
def test_table__blocks_change_nothing(tmp_path, motif_store, monkeypatch, size) -> None:
    rows = [hit(start, strand) for start in range(90, 110) for strand in "+-"]
    source = write(tmp_path / "h.tsv", rows, columns=list(rows[0]))
    path = vcf(tmp_path / "v.vcf", *(f"chr1 {at} v{at} AC TG" for at in range(80, 120, 3)))
    expected = variant_hits(source, path, motifs=motif_store)
    monkeypatch.setattr(_tables, "_BLOCK_BYTES", size)
    annotate_table(source, tmp_path / "o.tsv.gz", Annotations(variants=path), motifs=motif_store)
    found = pl.read_csv(tmp_path / "o_variants.tsv.gz", separator="\t")
    for name in ("hit", "variant_id", "motif_position", "cwm_change", "hit_change"):
        assert found[name].to_list() == expected[name].to_list()


def test_table__without_hits_or_variants_has_its_columns(tmp_path, motif_store) -> None:
    source = write(tmp_path / "h.tsv", [], columns=list(hit(0)))
    asked = Annotations(variants=vcf(tmp_path / "v.vcf", "chr1 103 . A C"))
    assert annotate_table(source, tmp_path / "o.tsv", asked, motifs=motif_store) == (0, 0, 0)
    assert "cwm_change" in (tmp_path / "o_variants.tsv").read_text()
    (tmp_path / "none.vcf").write_text(HEADER)
    with pytest.warns(InputWarning, match="nothing that a hit could meet"):
        found = annotate_hits(pl.DataFrame([hit(100)]), variants=tmp_path / "none.vcf")
    assert found["n_variants"].to_list() == [0]


def test_tables_of_stores__will_do(tmp_path, called) -> None:
    write_tables(called, tmp_path / "t")
    row = read(tmp_path / "t" / "hits.tsv")[0]
    path = _quietly(vcf, tmp_path / "v.vcf", [f"{row['chr']} {int(row['start']) + 2} . A C"])
    source, asked = tmp_path / "t" / "hits.tsv", Annotations(variants=path)
    counts = annotate_table(source, tmp_path / "o.tsv", asked, motifs=called)
    assert counts.pairs == len(variant_hits(called, path)) > 0


@pytest.mark.parametrize(
    ("out", "second"),
    [("a.tsv", "a_variants.tsv"), ("a.tsv.gz", "a_variants.tsv.gz"), ("a", "a_variants.tsv")],
)
def test_variants_path__keeps_the_ending(out: str, second: str) -> None:
    assert variants_path(Path("x") / out) == Path("x") / second


# --- Errors --------------------------------------------------------------------------------------


def test_motifs__are_needed(tmp_path, motif_store) -> None:
    path = vcf(tmp_path / "v.vcf", "chr1 103 . A C")
    source = write(tmp_path / "h.tsv", [hit(100)], columns=list(hit(0)))
    for hits in (source, pl.DataFrame([hit(100)])):
        with pytest.raises(ReadError, match=r"no motifs.*--motifs"):
            variant_hits(hits, path)
    with pytest.raises(ReadError, match=r"no motifs.*--motifs"):
        annotate_table(source, tmp_path / "o.tsv", Annotations(variants=path))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"motif_name": "SOX2"}, r"the motif SOX2 \(\+\) of a hit is not in .*motifs\.zarr"),
        ({"end_untrimmed": 107}, r"a hit of GATA1 is 7 bp wide .* 5;"),
    ],
)
def test_motifs__of_other_hits_are_an_error(tmp_path, motif_store, more, message) -> None:
    path = vcf(tmp_path / "v.vcf", "chr1 103 . A C")
    with pytest.raises(ReadError, match=message):
        variant_hits(pl.DataFrame([hit(100, **more)]), path, motifs=motif_store)


def test_hits__need_the_place_of_the_motif(tmp_path, motif_store) -> None:
    path = vcf(tmp_path / "v.vcf", "chr1 103 . A C")
    bare = pl.DataFrame([hit(100)]).drop("start_untrimmed")
    with pytest.raises(ReadError, match="no column start_untrimmed"):
        variant_hits(bare, path, motifs=motif_store)
    with pytest.raises(ReadError, match="no column start_untrimmed"):
        annotate_hits(bare, variants=path, flanks=True)
    assert annotate_hits(bare, variants=path)["n_variants"].to_list() == [1]


def test_chromosomes__of_other_names_are_an_error(tmp_path) -> None:
    path = vcf(tmp_path / "v.vcf", "1 103 . A C")
    with pytest.raises(ReadError, match=r"its chromosomes \(1\) is one of the hits' \(chr1\)"):
        annotate_hits(pl.DataFrame([hit(100)]), variants=path)
