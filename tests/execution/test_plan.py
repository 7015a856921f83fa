from hypothesis import given
from hypothesis import strategies as st

from finemo_zarr.execution import plan_blocks


@given(st.integers(0, 5000), st.integers(1, 600), st.none() | st.integers(1, 2000))
def test_plan_blocks__covers_each_region_once_and_splits_no_chunk(n_regions, chunk, target) -> None:
    blocks = plan_blocks(n_regions, chunk, target)
    assert [block.index for block in blocks] == list(range(len(blocks)))
    covered = [region for block in blocks for region in range(block.start, block.stop)]
    assert covered == list(range(n_regions))
    assert all(block.start % chunk == 0 for block in blocks)
    assert all(block.stop % chunk == 0 for block in blocks[:-1])
    assert all(0 < block.size == block.stop - block.start for block in blocks)


def test_plan_blocks__reaches_the_target() -> None:
    assert [block.size for block in plan_blocks(100, 10, 25)] == [30, 30, 30, 10]
    assert [block.regions for block in plan_blocks(15, 10)] == [slice(0, 10), slice(10, 15)]
