"""The distributions beside this file are tested where they are installed, not from here."""

collect_ignore_glob = ["finemo-zarr-*"]
