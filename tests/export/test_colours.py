import numpy as np

from finemo_zarr.export._colours import PALETTE, motif_colours

# What dichromats see, on linear RGB (Machado, Oliveira and Fernandes, 2009).
PROTAN = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]
DEUTAN = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
]
TO_LMS = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
TO_LAB = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]


def test_palette__colours_are_apart_for_everyone() -> None:
    rgb = np.array([list(bytes.fromhex(colour[1:])) for colour in PALETTE]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    for seen in (np.eye(3), PROTAN, DEUTAN):
        lms = np.clip(linear @ np.array(seen).T, 0, 1) @ np.array(TO_LMS).T
        lab = np.cbrt(lms) @ np.array(TO_LAB).T
        apart = np.linalg.norm(lab[:, None] - lab[None], axis=2)
        assert apart[np.triu_indices(len(PALETTE), 1)].min() > 0.07  # 0.02 can just be told apart


def test_colours__are_distinct_as_long_as_there_are_enough() -> None:
    names = [f"motif {index}" for index in range(len(PALETTE))]
    assert len(set(motif_colours(names).values())) == len(PALETTE)
    twice = motif_colours([*names, *(f"other {index}" for index in range(len(PALETTE)))])
    assert max(list(twice.values()).count(colour) for colour in twice.values()) == 2


def test_colours__depend_on_names_and_not_on_their_order() -> None:
    assert motif_colours(["b", "a", "c"]) == motif_colours(["a", "b", "c", "a"])
    assert motif_colours(["CTCF"])["CTCF"] == motif_colours(["CTCF", "GATA"])["CTCF"]
    assert motif_colours([]) == {}
