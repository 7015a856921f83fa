"""Writes a TF-MoDISco-lite file of simulated seqlets."""

import h5py
import numpy as np

from finemo_zarr.sequence import one_hot


def cut(values, region, start, width):
    """Windows ``(n, width, 4)`` of ``(region, 4, position)``, zero outside."""
    position = start[:, None] + np.arange(width)
    inside = (position >= 0) & (position < values.shape[2])
    found = values.swapaxes(1, 2)[region[:, None], np.where(inside, position, 0)]
    return np.where(inside[..., None], found, 0)


def write_result(path, motifs, regions, truth):
    """Write patterns with the scores of their seqlets, in the direction of the pattern."""
    hypothetical = regions["region_contributions"].to_numpy()
    hot = one_hot(regions["region_sequence"].to_numpy(), np.float32)
    widths = motifs["motif_width"].to_numpy()
    with h5py.File(path, "w") as file:
        for index, name in enumerate(motifs["motif_name"].to_numpy()):
            mine = truth["motif"] == index
            region, start, reverse = (
                truth["region"][mine],
                truth["start"][mine],
                truth["strand"][mine] == "-",
            )
            node = file.create_group(str(name).replace(".", "/"))
            arrays = {
                "sequence": hot,
                "contrib_scores": hypothetical * hot,
                "hypothetical_contribs": hypothetical,
            }
            for key, values in arrays.items():
                found = cut(values, region, start, widths[index])
                found[reverse] = found[reverse][:, ::-1, ::-1]
                node[f"seqlets/{key}"] = found
                node[key] = found.mean(axis=0)
            node["seqlets/example_idx"], node["seqlets/start"] = region, start
            node["seqlets/end"], node["seqlets/is_revcomp"] = start + widths[index], reverse
            node["seqlets/n_seqlets"] = np.array([mine.sum()])
    return path
