"""What readers, motif readers and solvers have in common."""

import dataclasses
import json
import pickle
import re
from typing import Any

import pytest

from finemo_zarr.protocols import option_fields, option_values

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FLAG = re.compile(r"-[A-Za-z]|--[a-z0-9]+(-[a-z0-9]+)*")


class PluginContract:
    """Checks of the class itself; a subclass gives the fixture `contract_plugin`."""

    def test_plugin__is_a_frozen_dataclass(self, contract_plugin: Any) -> None:
        """Options are fields, and an instance never changes."""
        assert dataclasses.is_dataclass(type(contract_plugin))
        with pytest.raises(dataclasses.FrozenInstanceError):
            contract_plugin.anything = None

    def test_name__is_a_word_for_the_command_line(self, contract_plugin: Any) -> None:
        """Lower-case letters and digits, joined by hyphens."""
        assert _NAME.fullmatch(type(contract_plugin).name)

    def test_summary__is_one_line(self, contract_plugin: Any) -> None:
        """It stands in lists of what is installed."""
        summary = type(contract_plugin).summary
        assert summary.strip() == summary
        assert summary
        assert "\n" not in summary

    def test_fields__are_all_options_with_help(self, contract_plugin: Any) -> None:
        """Whatever is not an option can be neither set by the command nor recorded."""
        options = option_fields(contract_plugin)
        assert {field.name for field in dataclasses.fields(contract_plugin)} == set(options)
        for name, (_, info) in options.items():
            assert info.help, f"the option {name} has no help"
            assert any(flag.startswith("--") for flag in info.flags), f"{name} has no long flag"

    def test_flags__are_valid_and_unique(self, contract_plugin: Any) -> None:
        """``-x`` or ``--long-name``, each for one option only."""
        flags = [flag for _, info in option_fields(contract_plugin).values() for flag in info.flags]
        assert [flag for flag in flags if not _FLAG.fullmatch(flag)] == []
        assert len(set(flags)) == len(flags)

    def test_options__can_be_recorded_as_json(self, contract_plugin: Any) -> None:
        """They are the provenance of what is made with them."""
        json.dumps(option_values(contract_plugin))

    def test_plugin__can_be_pickled(self, contract_plugin: Any) -> None:
        """Work is sent to other processes."""
        assert pickle.loads(pickle.dumps(contract_plugin)) == contract_plugin  # noqa: S301
