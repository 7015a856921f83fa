"""Draw tisfm.svg, the heatmap of docs/tutorials/tisfm.md.

    python docs/figures/make_tisfm_figure.py tisfm/path

The model is that of the tutorial.
"""

import argparse
import re
from pathlib import Path

import matplotlib as mpl

from finemo_zarr.plot.importance import importance_heatmap
from finemo_zarr.report._tisfm_source import chosen_motifs, gather_tisfm, motif_logos

HERE = Path(__file__).parent
MOST = 50


def main() -> None:
    """Draw the figure of a model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="folder of the tutorial's model")
    parser.add_argument("--out", type=Path, default=HERE / "tisfm.svg", help="file to write")
    options = parser.parse_args()
    data = gather_tisfm(options.model)
    names = chosen_motifs(data, MOST, MOST)
    table = data.readouts["importance"].transpose("motif", "track").sel(motif=names)
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "finemo-zarr"}):
        figure = importance_heatmap(table, logos=motif_logos(data, names)).figure
        figure.savefig(options.out, metadata={"Date": None}, facecolor="white")
    text = options.out.read_text(encoding="utf-8")
    options.out.write_text(re.sub(r"(\d\.\d\d)\d+", r"\1", text), encoding="utf-8")


if __name__ == "__main__":
    main()
