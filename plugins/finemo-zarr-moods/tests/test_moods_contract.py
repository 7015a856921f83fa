"""The public contract, and a scan that tries every word."""

from itertools import product

import numpy as np
import pytest
from finemo_zarr_moods import MoodsSolver

from finemo_zarr.errors import InputWarning, SchemaError
from finemo_zarr.model import create_motifs, create_regions
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.sequence import encode
from finemo_zarr.testing.contracts import SolverContract


@pytest.mark.filterwarnings("ignore:.*too narrow")
class TestMoods(SolverContract):
    @pytest.fixture
    def solver(self):
        return MoodsSolver()


def motifs_of(ppms, **options):
    return prepare_motifs(
        create_motifs([f"m{number}" for number in range(len(ppms))], ppms, matrices={"ppm": ppms}),
        MotifOptions(trim_threshold=0, **options),
    )


def simulated(width=5, seed=1):
    rng = np.random.default_rng(seed)
    ppms = rng.dirichlet(np.full(4, 0.5), size=(3, width)).transpose(0, 2, 1)
    codes = rng.integers(0, 4, size=(6, 4**width // 8)).astype(np.uint8)
    codes[2, 50:60] = codes[3, 0] = codes[4, -9] = 4
    return create_regions(codes, rng.normal(size=codes.shape)), motifs_of(ppms)


def by_words(regions, motifs, background, rounding):
    """Bounds of the p-value of each place ``(region, motif, start)``, from the chances of words."""
    words = np.array(list(product(range(4), repeat=motifs.sizes["motif_position"])))
    chance = background[words].prod(axis=1)
    numbers = {tuple(word): number for number, word in enumerate(words.tolist())}
    bounds = {}
    for motif, ppm in enumerate(motifs["motif_ppm"].values):
        smooth = (ppm + 0.01 * background[:, None]) / (ppm.sum(axis=0) + 0.01)
        odds = np.log(smooth / background[:, None])
        score = odds[words, np.arange(words.shape[1])].sum(axis=1)
        order = np.argsort(score)
        tail = np.append(np.cumsum(chance[order][::-1])[::-1], 0)
        low, high = (
            tail[np.searchsorted(score[order], score + by)] for by in (rounding, -rounding)
        )
        for region, row in enumerate(regions["region_sequence"].values.tolist()):
            for start in range(len(row) - words.shape[1] + 1):
                at = numbers.get(tuple(row[start : start + words.shape[1]]))
                if at is not None:
                    bounds[region, motif, start] = low[at], high[at]
    return bounds


@pytest.mark.parametrize("gc_content", [0.5, 0.4])
@pytest.mark.parametrize(("width", "pvalue"), [(5, 0.01), (7, 1e-3), (8, 3e-4)])
def test_moods__finds_what_trying_all_words_finds(width, pvalue, gc_content) -> None:
    regions, motifs = simulated(width, seed=width)
    background = np.array([1 - gc_content, gc_content, gc_content, 1 - gc_content]) / 2
    hits = MoodsSolver(scan_pvalue=pvalue, gc_content=gc_content).solve(regions, motifs).hits
    keys = (hits[f"hit_{name}"].values.tolist() for name in ("region", "motif", "start"))
    found = dict(zip(zip(*keys, strict=True), hits["hit_pvalue"].values.tolist(), strict=True))
    bounds = by_words(regions, motifs, background, rounding=width / 500)
    assert len(found) > 20
    for key, value in found.items():
        low, high = bounds[key]
        assert low * 0.999999 <= value <= min(high * 1.000001, pvalue)
    assert {key for key, (_, high) in bounds.items() if high <= pvalue} <= found.keys()


def test_moods__measures_the_contributions() -> None:
    ppm = np.full((4, 8), 0.01)
    ppm[encode("GATTACAG"), np.arange(8)] = 0.97
    codes = encode("CCGATTACAGCC" + "C" * 8)[None]
    scores = np.zeros(codes.shape)
    scores[0, 2:10] = [1, 2, -1, 0, 0, 0, 0, 4]
    scores[0, 15] = 8
    motifs = motifs_of(ppm[None])
    hits = MoodsSolver().solve(create_regions(codes, scores), motifs).hits
    assert hits.sizes["hit"] == 1
    values = {name: hits[f"hit_{name}"].item() for name in ("start", "end", "motif")}
    assert values == {"start": 2, "end": 10, "motif": 0}
    information = 1.739325  # bits of a column of 0.97 and three times 0.01
    assert hits["hit_coefficient"].item() == 6
    assert hits["hit_importance"].item() == 8
    assert hits["hit_importance_sq"].item() == 22
    assert hits["hit_imp_frac"].item() == 0.5
    assert hits["hit_imp_ic_avg"].item() == pytest.approx(6 / 8 * information, rel=1e-5)
    assert hits["hit_pvalue"].item() == pytest.approx(4.0**-8)
    assert np.isnan(hits["hit_similarity"].item())


def test_moods__keeps_whole_motifs_inside_where_they_must_be() -> None:
    ppm = np.full((4, 12), 0.25)  # two positions on either side of the core say nothing
    ppm[:, 2:10] = 0.01
    ppm[encode("GATTACAG"), np.arange(2, 10)] = 0.97
    codes = encode("GATTACAG" + "C" * 5 + "GATTACAG" + "C" * 5 + "GATTACAG")[None]
    regions = create_regions(codes, np.ones(codes.shape))
    found = {}
    for placement in ("core", "full"):
        motifs = prepare_motifs(
            create_motifs(["m"], ppm[None] - 0.25, matrices={"ppm": ppm[None]}),
            MotifOptions(placement=placement),
        )
        hits = MoodsSolver().solve(regions, motifs).hits
        found[placement] = hits["hit_start"].values.tolist()
    assert found == {"core": [0, 13, 26], "full": [13]}


def test_moods__six_bases_cannot_reach_the_default() -> None:
    ppm = np.full((4, 6), 0.01)
    ppm[encode("GATTAC"), np.arange(6)] = 0.97
    codes = np.tile(encode("GATTAC"), 5)[None]
    regions = create_regions(codes, np.ones(codes.shape))
    with pytest.warns(InputWarning, match=r"1 motifs are too narrow.*m0 \(0.00024 at best\)"):
        assert MoodsSolver().solve(regions, motifs_of(ppm[None])).hits.sizes["hit"] == 0
    assert MoodsSolver(scan_pvalue=3e-4).solve(regions, motifs_of(ppm[None])).hits.sizes["hit"] == 5


def test_moods__refuses_what_it_cannot_use() -> None:
    regions, motifs = simulated()
    with pytest.raises(SchemaError, match="motif_ppm"):
        MoodsSolver().solve(regions, motifs.drop_vars("motif_ppm"))
    regions["region_contributions"].values[0, 0] = np.nan
    with pytest.raises(SchemaError, match="not finite"):
        MoodsSolver().solve(regions, motifs)
    with pytest.raises(SchemaError, match="--gc-content is 1"):
        MoodsSolver(gc_content=1)
