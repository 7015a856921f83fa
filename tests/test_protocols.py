from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from finemo_zarr.errors import PluginError
from finemo_zarr.protocols import option, track_field
from finemo_zarr.registry import readers


def test_track_field__is_there_in_every_reader_of_ours() -> None:
    fields = {name: track_field(reader) for name, reader in readers().items()}
    assert fields["bw"] == "bigwigs"
    assert fields["modisco-fmt"] == "attributions"
    assert all(fields.values())


def test_track_field__refuses_two() -> None:
    @dataclass(frozen=True)
    class Twice:
        name: ClassVar[str] = "twice"
        one: Path = option("--one", help="One.", per_track=True)
        two: Path = option("--two", help="Two.", per_track=True)

    with pytest.raises(PluginError, match="the reader twice marks one, two as per_track"):
        track_field(Twice)
