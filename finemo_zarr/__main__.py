"""``python -m finemo_zarr``."""

from finemo_zarr.cli import main

main()
