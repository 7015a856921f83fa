"""On real data: what calling tangermeme and memelite directly gives, and what a network was asked.

The data lie beside a checkout for development, in ``../shared/data``.
"""

import re
import warnings
from functools import lru_cache
from pathlib import Path

import memelite
import numpy as np
import pandas as pd
import pytest
from finemo_zarr_tangermeme.fimo_attribution import FimoAttribution
from finemo_zarr_tangermeme.scan import least_pvalue
from finemo_zarr_tangermeme.seqlet_tomtom import SeqletTomtom
from tangermeme_data import of_arrays, oriented, stored

from finemo_zarr import open_regions, read_motifs
from finemo_zarr.errors import InputWarning

pytest.importorskip("tangermeme", reason="tangermeme is not installed (the extra [torch])")
DATA = Path(__file__).resolve().parents[4] / "shared/data"
DATABASE = DATA / "motifs/jaspar_hocomoco_2193.meme"
SCORES = {"gata2": "attr.npz", "procapnet": "counts_attr.npz"}

pytestmark = pytest.mark.skipif(
    not DATABASE.is_file(), reason=f"{DATA}, the data for development, is not there"
)


@lru_cache
def given(name):
    """One-hot sequences, scores of the bases that are there, and regions."""
    ohe = np.load(DATA / name / "ohe.npz")["arr_0"]
    scores = np.load(DATA / name / SCORES[name])["arr_0"].astype(np.float32)
    return ohe, (scores * ohe).sum(axis=1), of_arrays(ohe, scores)


@lru_cache
def database():
    return oriented(read_motifs(DATABASE), trim_threshold=0)  # whole, as the others take them


def matrices():
    """The database as memelite reads it; columns sum to 1 only to six digits in the file."""
    read = memelite.io.read_meme(str(DATABASE))
    return {motif: matrix / matrix.sum(axis=0) for motif, matrix in read.items()}


def table_of(hits, *names):
    return pd.DataFrame({name: hits[f"hit_{name}"].values for name in names})


@pytest.mark.parametrize("name", SCORES)
def test_seqlets__and_matches_are_those_of_tangermeme(name, tmp_path):
    import torch
    from tangermeme.annotate import annotate_seqlets
    from tangermeme.seqlet import recursive_seqlets

    ohe, scores, regions = given(name)
    solver = SeqletTomtom(null_store=stored(regions, tmp_path / "r.zarr"), match_pvalue=1)
    hits = table_of(
        solver.solve(regions, database()).hits,
        *("region", "start", "end", "coefficient", "pvalue", "motif", "match_pvalue"),
    )
    seqlets = recursive_seqlets(scores, additional_flanks=1)
    seqlets = seqlets[seqlets["attribution"] > 0].reset_index(drop=True)  # dropped on purpose
    targets = {motif: matrix.astype(np.float32) for motif, matrix in matrices().items()}
    encoded = torch.from_numpy(ohe.astype(np.float32))
    indices, pvalues = (made[:, 0].numpy() for made in annotate_seqlets(encoded, seqlets, targets))
    expected = seqlets.assign(index=indices, match=pvalues)
    expected = expected.sort_values(["example_idx", "start"], ignore_index=True)
    found = hits[hits["coefficient"] > 0].reset_index(drop=True)
    assert len(found) == len(expected) > 20
    for own, other in (("region", "example_idx"), ("start", "start"), ("end", "end")):
        np.testing.assert_array_equal(found[own], expected[other])
    np.testing.assert_allclose(found["coefficient"], expected["attribution"], rtol=1e-5)
    np.testing.assert_allclose(found["pvalue"], expected["p-value"], rtol=1e-9)
    np.testing.assert_array_equal(found["motif"] // 2, expected["index"])
    np.testing.assert_allclose(found["match_pvalue"], expected["match"], rtol=1e-5)
    negative = recursive_seqlets(-scores, additional_flanks=1)
    rows = set(negative[["example_idx", "start", "end"]].itertuples(index=False, name=None))
    below = hits.loc[hits["coefficient"] < 0, ["region", "start", "end"]]
    assert len(below) > 20
    assert set(below.itertuples(index=False, name=None)) <= rows


@pytest.mark.parametrize("name", SCORES)
def test_scan__and_pvalues_are_those_of_fimo(name):
    ohe, scores, regions = given(name)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*too narrow", InputWarning)
        hits = FimoAttribution(attribution_threshold=0).solve(regions, database()).hits
    found = table_of(hits, "region", "start", "end", "motif", "pvalue", "coefficient")
    direct = [table for table in memelite.fimo(matrices(), ohe) if len(table)]
    expected = pd.concat(direct).reset_index(drop=True)
    least = np.array([least_pvalue(matrix) for matrix in matrices().values()])
    expected = expected[least[expected["motif_idx"]] <= 1e-4]
    floor = least[expected["motif_idx"]]
    expected = pd.DataFrame(
        {
            "region": expected["sequence_name"].astype(int),
            "start": expected["start"],
            "end": expected["end"],
            "motif": 2 * expected["motif_idx"] + (expected["strand"] == "-"),
            "pvalue": np.maximum(expected["p-value"], floor),
        }
    )
    spans = expected[["region", "start", "end"]].to_numpy().astype(int)
    sums = np.array([scores[row, start:end].sum() for row, start, end in spans])
    keys = ["region", "start", "end", "motif"]
    expected = expected[np.abs(sums) > 0].sort_values(keys, ignore_index=True)
    found = found.sort_values(keys, ignore_index=True)
    assert len(found) == len(expected) > 1000
    np.testing.assert_array_equal(found[keys], expected[keys].astype(int))
    np.testing.assert_allclose(found["pvalue"], expected["pvalue"], rtol=1e-9)


def needs_torch():
    pytest.importorskip("torch", reason="torch is not installed (the extra [torch])")


def test_attribute__gives_the_stored_contributions_of_the_ctcf_network(tmp_path):
    needs_torch()
    from finemo_zarr_tangermeme.attribute import Attribute

    ctcf = DATA / "ctcf"
    rows = np.arange(100, 1100, 100)
    lines = (ctcf / "tiles.narrowPeak").read_text().splitlines(keepends=True)
    (tmp_path / "ten.narrowPeak").write_text("".join(lines[row] for row in rows))
    (tmp_path / "genome.fa").symlink_to(ctcf / "genome.fa")  # its index lies beside it
    command = Attribute(
        model="tangermeme_nets:ctcf",
        peaks=tmp_path / "ten.narrowPeak",
        fasta=tmp_path / "genome.fa",
        input_width=2114,
        n_shuffles=10,
        out_path=tmp_path / "ten.zarr",
        device="cpu",
    )
    command.run()
    regions = open_regions(tmp_path / "ten.zarr")
    assert regions.sizes["region"] == 10
    kept = np.load(ctcf / "attr.npz")["arr_0"][rows]
    ohe = np.load(ctcf / "ohe.npz")["arr_0"][rows]
    made = regions.region_contributions.values
    for own, other, bases in zip(made, kept, ohe, strict=True):
        assert np.corrcoef(own.ravel(), other.ravel())[0, 1] >= 0.95
        projected = ((scores * bases).sum(axis=0) for scores in (own, other))
        assert np.corrcoef(*projected)[0, 1] >= 0.95
    assert regions.region_attribution_delta.values.max() < 1e-4


def twenty_of_jaspar(path):
    head, *motifs = re.split(r"(?m)^(?=MOTIF )", DATABASE.read_text())
    jaspar = [motif for motif in motifs if re.search(r"_MA\d{4}\.\d", motif.partition("\n")[0])]
    ctcf = [motif for motif in jaspar if motif.startswith("MOTIF CTCF_")]
    others = [motif for motif in jaspar if "CTCF" not in motif.partition("\n")[0]]
    chosen = others[:: len(others) // 19][:19]
    path.write_text(head + "".join(chosen + ctcf[:1]))
    assert len(chosen) == 19


def test_marginalize__ranks_ctcf_first_for_the_ctcf_network(tmp_path):
    needs_torch()
    from finemo_zarr_tangermeme.marginalize import Marginalize

    twenty_of_jaspar(tmp_path / "twenty.meme")
    command = Marginalize(
        model="tangermeme_nets:ctcf",
        motifs=(tmp_path / "twenty.meme",),
        width=2114,
        n=8,
        out_path=tmp_path / "effects",
        device="cpu",
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*composition alone", InputWarning)
        said = command.run()
    assert "those that raise most: CTCF_MA0139.1" in said
    table = pd.read_csv(tmp_path / "effects/marginal_effects.tsv", sep="\t")
    assert len(table) == 20
    assert table["beyond_control_mean"][0] > 3 * table["beyond_control_mean"][1]
