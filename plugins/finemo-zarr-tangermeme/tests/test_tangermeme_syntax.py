"""``syntax``: what two motifs do beyond the sum of what each does."""

import numpy as np
import pandas as pd
import pytest
from finemo_zarr_tangermeme.syntax import Syntax
from tangermeme_data import write_sites

from finemo_zarr.cli import main
from finemo_zarr.errors import InputWarning, ReadError, RunError

torch = pytest.importorskip("torch", reason="torch is not installed (the extra [torch])")
pytest.importorskip("tangermeme", reason="tangermeme is not installed (the extra [torch])")
import tangermeme_nets as nets  # noqa: E402

FIRST, SECOND, APART = nets.Pair.FIRST, nets.Pair.SECOND, nets.Pair.APART


@pytest.fixture
def folder(tmp_path):
    write_sites(tmp_path / "motifs.meme", {"A": FIRST, "B": SECOND})
    return tmp_path


def asked(folder, **options):
    given = {
        "model": "tangermeme_nets:pair",
        "motifs": (folder / "motifs.meme",),
        "out_path": folder / "syntax",
        "width": 120,
        "n": 12,
        "farthest": 20,
        "device": "cpu",
    }
    return Syntax(**(given | options))


def made(folder, **options):
    asked(folder, **options).run()
    return pd.read_csv(folder / "syntax/syntax.tsv", sep="\t")


def test_syntax__finds_the_distance_and_orientation_of_a_planted_pair(folder):
    said = asked(folder, pairs=("A,B",)).run()
    assert "the largest interaction: A and B, +-, 6 bp apart" in said
    table = pd.read_csv(folder / "syntax/syntax.tsv", sep="\t")
    assert len(table) == 4 * 21
    assert table["distance"].tolist() == [*range(21)] * 4
    top = table.loc[table["interaction_mean"].idxmax()]
    assert (top["orientation"], top["distance"]) == ("+-", APART)
    assert top["interaction_mean"] == pytest.approx(5, abs=0.01)
    rest = table.drop(top.name)
    assert rest["interaction_mean"].abs().max() < 2
    best = pd.read_csv(folder / "syntax/syntax_best.tsv", sep="\t")
    assert best["orientation"].nunique() == len(best) == 4
    assert best["distance"][0] == APART


def test_syntax__is_none_where_effects_add_up(folder):
    table = made(folder, model="tangermeme_nets:additive", pairs=("A,B",), nearest=8)
    np.testing.assert_allclose(table["interaction_mean"], 0, atol=0.5)
    np.testing.assert_allclose(table["fold_mean"], 1, atol=0.2)


def test_scale__undoes_a_logarithm(folder):
    options = {"pairs": ("A,B",), "nearest": 8}
    linear = made(folder, model="tangermeme_nets:additive", **options)
    options |= {"model": "tangermeme_nets:logarithm", "overwrite": True}
    raw = made(folder, **options)
    undone = made(folder, **options, scale="log1p")
    np.testing.assert_allclose(undone["both"], linear["both"], rtol=1e-4)
    np.testing.assert_allclose(undone["fold_mean"], linear["fold_mean"], rtol=1e-3)
    assert raw["interaction_mean"].min() < -0.1


def test_fold__is_the_formula_for_each_background(folder):
    from finemo_zarr.sequence import encode, one_hot

    command = asked(folder, pairs=("B,A",), nearest=3, farthest=3)
    table = made(folder, pairs=("B,A",), nearest=3, farthest=3)
    network, codes = nets.pair(), command.codes()
    start = 60 - len(SECOND) // 2

    def predicted(*sites):
        changed = codes.copy()
        for place, site in sites:
            changed[:, place : place + len(site)] = encode(site)
        with torch.no_grad():
            return network(torch.from_numpy(one_hot(changed, np.float32)))[:, 0].double().numpy()

    second = (start + len(SECOND) + 3, FIRST)
    none, a, b = predicted(), predicted((start, SECOND)), predicted(second)
    both = predicted((start, SECOND), second)
    row = table[table["orientation"] == "++"].iloc[0]
    fold = (both - (b - none)) / a
    assert row["fold_mean"] == pytest.approx(fold.mean(), rel=1e-4)
    assert row["fold_se"] == pytest.approx(fold.std(ddof=1) / np.sqrt(12), rel=1e-3)
    assert row["interaction_mean"] == pytest.approx((both - a - b + none).mean(), abs=1e-4)
    for name, values in {"none": none, "a": a, "b": b, "both": both}.items():
        assert row[name] == pytest.approx(values.mean(), rel=1e-4)


def test_pairs__are_all_by_default_and_none_twice(folder):
    table = made(folder, farthest=2)
    ways = table.groupby(["motif_a", "motif_b"])["orientation"].unique()
    assert {pair: sorted(found) for pair, found in ways.items()} == {
        ("A", "A"): ["++", "+-", "-+"],
        ("A", "B"): ["++", "+-", "-+", "--"],
        ("B", "B"): ["++", "+-", "-+"],
    }
    assert "<svg" in (folder / "syntax/syntax.svg").read_text()


def test_predictions__below_zero_have_no_fold_change(folder):
    with pytest.warns(InputWarning, match="no fold change"):
        table = made(folder, model="tangermeme_nets:motif", task=1, farthest=2, pairs=("A,A",))
    assert table["fold_mean"].isna().all()
    assert table["interaction_mean"].notna().all()


def test_backgrounds__are_shuffled_as_dinucleotides(folder):
    text = "".join(f">{row}\n{'ACGTTTGACA' * 12}\n" for row in range(4))
    (folder / "backgrounds.fa").write_text(text)
    codes = asked(folder, backgrounds=folder / "backgrounds.fa", n=4, shuffle=True).codes()
    plain = asked(folder, backgrounds=folder / "backgrounds.fa", n=4).codes()
    assert (codes != plain).any()

    def dinucleotides(rows):
        return [np.bincount(4 * row[:-1] + row[1:], minlength=16).tolist() for row in rows]

    assert dinucleotides(codes) == dinucleotides(plain)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"nearest": 30}, RunError, "spacings from 30 to 20"),
        ({"step": 0}, RunError, "--step 1 or more"),
        ({"pairs": ("A",)}, RunError, "two names with a comma"),
        ({"pairs": ("A,C",)}, ReadError, "no motif C; there are A, B"),
        ({"farthest": 60}, RunError, "reach over the end of sequences of 120 bp"),
    ],
)
def test_options__that_make_no_sense_are_refused(folder, options, error, message):
    with pytest.raises(error, match=message):
        made(folder, **options)
    assert not (folder / "syntax").exists()


def test_command__runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    words = "syntax --model tangermeme_nets:pair -m motifs.meme --pairs A,B -w 120 -n 3"
    with pytest.raises(SystemExit) as stopped:
        main([*words.split(), "--farthest", "20", "--step", "10", "-o", "made"])
    assert stopped.value.code == 0
    assert {path.name for path in (folder / "made").iterdir()} == {
        "syntax.tsv",
        "syntax_best.tsv",
        "syntax.svg",
    }
