"""``marginalize``: what a motif adds to a prediction, and what its composition alone would."""

import numpy as np
import pandas as pd
import pytest
from finemo_zarr_tangermeme.backgrounds import gc_content
from finemo_zarr_tangermeme.marginalize import Marginalize
from tangermeme_data import write_sites

from finemo_zarr.cli import main
from finemo_zarr.errors import InputWarning, ReadError, RunError, SchemaError
from finemo_zarr.sequence import one_hot

torch = pytest.importorskip("torch", reason="torch is not installed (the extra [torch])")
pytest.importorskip("tangermeme", reason="tangermeme is not installed (the extra [torch])")
import tangermeme_nets as nets  # noqa: E402

OTHER = "GGCAACCTTA"


@pytest.fixture
def folder(tmp_path):
    write_sites(tmp_path / "motifs.meme", {"OTHER": OTHER, "SITE": nets.SITE, "AT": "TATATTTA"})
    return tmp_path


def asked(folder, **options):
    given = {
        "model": "tangermeme_nets:motif",
        "motifs": (folder / "motifs.meme",),
        "out_path": folder / "effects",
        "width": 80,
        "n": 20,
        "n_shuffles": 4,
        "device": "cpu",
    }
    return Marginalize(**(given | options))


def made(folder, **options):
    asked(folder, **options).run()
    return pd.read_csv(folder / "effects/marginal_effects.tsv", sep="\t")


def test_marginalize__ranks_the_motif_that_the_model_knows_first(folder):
    said = asked(folder).run()
    assert said.startswith("3 motifs in ")
    table = pd.read_csv(folder / "effects/marginal_effects.tsv", sep="\t").set_index("motif")
    assert table["rank"].idxmin() == "SITE"
    assert table.loc["SITE", "delta_mean"] == pytest.approx(1.5, abs=0.3)
    assert table.loc["SITE", "beyond_control_mean"] > 1
    assert abs(table.loc["OTHER", "delta_mean"]) < 0.3
    assert table.loc["SITE", "consensus"] == nets.SITE
    assert table.loc["SITE", "width"] == 8
    assert "<svg" in (folder / "effects/ranked.svg").read_text()


def test_delta__is_that_of_marginalize_of_tangermeme(folder):
    from tangermeme.marginalize import marginalize

    table = made(folder).set_index("motif")
    encoded = torch.from_numpy(one_hot(asked(folder).codes(), np.float32))
    for name, site in (("SITE", nets.SITE), ("OTHER", OTHER)):
        before, after = marginalize(nets.motif(), encoded, site, device="cpu")
        delta = (after - before)[:, 0].double().numpy()
        assert table.loc[name, "delta_mean"] == pytest.approx(delta.mean(), abs=1e-5)
        error = delta.std(ddof=1) / np.sqrt(20)
        assert table.loc[name, "delta_se"] == pytest.approx(error, abs=1e-5)


def test_attributions__are_what_the_prediction_gains(folder):
    table = made(folder, attributions=True).set_index("motif")
    site = table.loc["SITE"]
    assert site["attribution_mean"] == pytest.approx(site["delta_mean"], rel=0.1)
    assert site["attribution_per_base"] == pytest.approx(site["attribution_mean"] / 8, rel=1e-4)


def test_tasks__are_columns_of_the_output(folder):
    table = made(folder, tasks=(0, 1), overwrite=True)
    wide = table.pivot_table(index="motif", columns="task", values="delta_mean")
    assert wide.loc["SITE", 1] < 0 < wide.loc["SITE", 0]
    assert {path.name for path in (folder / "effects").glob("*.svg")} == {
        "ranked_task0.svg",
        "ranked_task1.svg",
    }


def test_strand__and_sampled_sites_are_those_of_the_motif(folder):
    plus = made(folder).set_index("motif")
    minus = made(folder, strand="-", overwrite=True).set_index("motif")
    drawn = made(folder, sample=True, overwrite=True).set_index("motif")
    assert minus.loc["SITE", "delta_mean"] == pytest.approx(plus.loc["SITE", "delta_mean"], abs=0.3)
    assert 0.5 < drawn.loc["SITE", "delta_mean"] <= plus.loc["SITE", "delta_mean"] + 0.1


def test_composition__alone_is_warned_of(folder):
    write_sites(folder / "motifs.meme", {"SITE": nets.SITE, "GC": "GCGCGCCG"})
    with pytest.warns(InputWarning, match=r"1 motifs differ.*GC \(column composition\)"):
        table = made(folder, model="tangermeme_nets:gc")
    assert dict(zip(table["motif"], table["composition"], strict=True))["GC"] == "yes"


def test_tasks__are_each_spoken_of(folder):
    write_sites(folder / "motifs.meme", {"SITE": nets.SITE, "GC": "GCGCGCCG"})
    with pytest.warns(InputWarning, match=r"^task 1: 1 motifs differ.*GC \(column comp"):
        said = asked(folder, model="tangermeme_nets:site_and_gc", tasks=(0, 1)).run()
    assert said.endswith("those that raise most: task 0: SITE, GC; task 1: GC, SITE")


def test_backgrounds__of_a_genome_have_the_gc_of_the_peaks(folder):
    rng = np.random.default_rng(0)
    poor, rich = (rng.choice(list("ACGT"), 8000, p=p) for p in ([0.4, 0.1, 0.1, 0.4], [0.25] * 4))
    text = f">chr1\n{''.join(poor)}{''.join(rich)}\n"
    (folder / "genome.fa").write_text(text)
    rows = [f"chr1\t{start}\t{start + 100}\n" for start in range(100, 15_800, 100)]
    (folder / "places.bed").write_text("".join(rows))
    (folder / "peaks.bed").write_text("".join(rows[100:120]))
    options = {"backgrounds": folder / "places.bed", "genome": folder / "genome.fa", "n": 20}
    plain = asked(folder, **options).codes()
    matched = asked(folder, **options, match=folder / "peaks.bed").codes()
    assert plain.shape == matched.shape == (20, 80)
    assert gc_content(plain).mean() < 0.42
    assert gc_content(matched).mean() == pytest.approx(0.5, abs=0.03)
    (folder / "places.bed").write_text("".join(rows[:30]))
    with pytest.warns(InputWarning, match=r"GC content of 0.2.*peaks.bed has 0.5.* 30 places to"):
        asked(folder, **options, match=folder / "peaks.bed").codes()
    (folder / "places.bed").write_text("".join(rows[:15]))
    with pytest.warns(InputWarning, match="places.bed gives 15 backgrounds .* than the 20 that"):
        assert len(asked(folder, **options).codes()) == 15


def test_backgrounds__of_a_fasta_file_are_its_sequences_without_n(folder):
    (folder / "b.fa").write_text(f">a\n{'ACGT' * 25}\n>b\n{'N' * 100}\n>c\n{'TTCA' * 25}\n>d\nAC\n")
    with pytest.warns(InputWarning, match="b.fa gives 2 backgrounds"):
        codes = asked(folder, backgrounds=folder / "b.fa").codes()
    assert codes.shape == (2, 80)
    with pytest.raises(ReadError, match="0 sequences of 200 bp or more"):
        asked(folder, backgrounds=folder / "b.fa", width=200).codes()


def test_backgrounds__of_a_bed_file_need_the_genome(folder):
    (folder / "places.bed").write_text("chr1\t0\t100\n")
    with pytest.raises(
        ReadError, match=r"places.bed is no FASTA file: .* BED file .* needs --genome"
    ):
        asked(folder, backgrounds=folder / "places.bed").codes()


def test_random_backgrounds__have_the_frequencies(folder):
    codes = asked(folder, frequencies=(0.7, 0.1, 0.1, 0.1)).codes()
    assert (codes == 0).mean() == pytest.approx(0.7, abs=0.05)
    with pytest.raises(ReadError, match="four numbers"):
        asked(folder, frequencies=(0.7, 0.1, 0.1)).codes()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n": 1}, RunError, "--n 2 or more"),
        ({"most": 0}, RunError, "--shown"),
        ({"genome": "genome.fa"}, RunError, "--genome needs --backgrounds"),
        ({"match": "peaks.bed"}, RunError, "--match needs --backgrounds"),
        ({"width": 9}, ReadError, "motif OTHER is wider"),
    ],
)
def test_options__that_make_no_sense_are_refused(folder, options, error, message):
    with pytest.raises(error, match=message):
        made(folder, **options)
    assert not (folder / "effects").exists()


def test_motifs__without_probabilities_are_refused(folder, monkeypatch):
    from finemo_zarr_tangermeme import matrices

    read = matrices.read_motifs
    monkeypatch.setattr(matrices, "read_motifs", lambda path: read(path).drop_vars("motif_ppm"))
    with pytest.raises(SchemaError, match="no base probabilities"):
        made(folder)


def test_command__runs_and_keeps_what_is_there(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    words = ["marginalize", "--model", "tangermeme_nets:motif", "-m", "motifs.meme"]
    words += ["-w", "80", "-n", "4", "-o", "made"]
    for code in (0, 1):
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert stopped.value.code == code
    assert "--overwrite" in capsys.readouterr().err
