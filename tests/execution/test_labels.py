from finemo_zarr.execution.labels import region_label
from finemo_zarr.model import create_regions


def test_region_label__names_place_and_number(regions) -> None:
    chrom, start, end, name = (
        regions[f"region_{key}"].values[7] for key in ("chrom", "start", "end", "name")
    )
    assert region_label(regions, 7) == f"{name} ({chrom}:{start}-{end})"


def test_region_label__without_a_name(regions) -> None:
    unnamed = regions.assign(region_name=regions["region_name"].copy(data=["."] * 50))
    assert region_label(unnamed, 7).startswith("region 7 (")


def test_region_label__without_coordinates(regions) -> None:
    bare = create_regions(regions["region_sequence"].data, regions["region_contributions"].data)
    assert region_label(bare, 7) == "region 7 (counting from 0)"
