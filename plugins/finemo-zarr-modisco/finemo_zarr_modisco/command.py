"""The command `export-tfm-bed`."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from finemo_zarr.errors import RunError
from finemo_zarr.protocols import option


@dataclass(frozen=True)
class ExportTfmBed:
    """Write hits of `modisco-scoring` as a BED of 16 columns."""

    name: ClassVar[str] = "export-tfm-bed"
    summary: ClassVar[str] = (
        "Write hits of modisco-scoring in the 16 columns of the published tool."
    )
    examples: ClassVar[str] = "  finemo-zarr export-tfm-bed -i hits -o tfm_matches.bed"

    hits: Path = option(
        "-i", "--hits", metavar="PATH", help="Hits store, or a folder that call-hits wrote."
    )
    out_path: Path = option("-o", "--out-path", metavar="FILE", help="BED file to write.")
    overwrite: bool = option("--overwrite", default=False, help="Replace a file that exists.")

    def run(self) -> str:
        """Write the file."""
        from finemo_zarr import store
        from finemo_zarr_modisco.bed import write_tfm_bed

        opened = store.open_hits(store.hits_path(self.hits))
        with store.staged(
            self.out_path, overwrite=self.overwrite, replaceable=lambda path: path.is_file()
        ) as work:
            if not isinstance(work, Path):
                raise RunError(f"{self.out_path}: write to a disk, and copy the file")
            with work.open("wb") as file:
                count = write_tfm_bed(opened, file)
        return f"{count:,} hits: {self.out_path}"
