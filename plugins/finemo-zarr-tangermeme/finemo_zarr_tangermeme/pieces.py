"""Finished blocks of a long computation, kept beside the output until that is written."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import RunError


@dataclass(frozen=True)
class Pieces:
    """A hidden folder with one file per block.

    Parameters
    ----------
    folder : Path
        The folder.
    """

    folder: Path

    @classmethod
    def beside(cls, output: Path) -> "Pieces":
        """The folder that belongs to an output."""
        return cls(output.parent / f".{output.name}.attributions")

    def begin(self, made_by: Mapping[str, Any], *, overwrite: bool) -> None:
        """Make the folder, or go on with one that was made in the same way.

        Raises
        ------
        RunError
            If it was made in another way, or cannot be made.
        """
        told = self.folder / "made_by.json"
        wanted = json.dumps(made_by, sort_keys=True)
        if told.exists():
            if told.read_text(encoding="utf-8") == wanted:
                return
            if not overwrite and any(self.folder.glob("*.npz")):
                raise RunError(
                    f"{self.folder} has what an earlier run with other options, or another model, "
                    "left: start it again with the same, or begin anew with --overwrite"
                )
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            self.folder.mkdir(parents=True)
            told.write_text(wanted, encoding="utf-8")
        except OSError as error:
            raise RunError(f"{self.folder} cannot be written: {error}") from error

    def path(self, index: int) -> Path:
        """File of a block."""
        return self.folder / f"{index:06d}.npz"

    def save(self, index: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep a block: its file appears whole or not at all."""
        partial = self.folder / f"{index:06d}.{os.getpid()}.partial"
        try:
            with partial.open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
                file.flush()
                os.fsync(file.fileno())  # else the name may outlive a power cut, and not the bytes
            partial.replace(self.path(index))
        except OSError as error:
            raise RunError(
                f"{partial} cannot be written ({error}); what is done is kept: remedy that, and "
                "start the same command again"
            ) from error

    def load(self, index: int, name: str) -> NDArray[Any]:
        """Return one array of a block; the others are not read."""
        with np.load(self.path(index)) as file:
            array: NDArray[Any] = file[name]
        return array

    def remove(self) -> None:
        """Remove all, once the output is there."""
        shutil.rmtree(self.folder, ignore_errors=True)
