def test_check__says_that_all_is_well(run, hits_store) -> None:
    result = run("check", hits_store)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0] == str(hits_store)
    assert all(" ok " in line for line in result.out.splitlines()[1:])


def test_check__exits_with_one_where_something_is_damaged(run, regions_store) -> None:
    chunk = regions_store / "region_sequence" / "c" / "1" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-1])
    result = run("check", regions_store)
    assert result.code == 1
    assert "sequences and scores  DAMAGED     1 of 4 blocks. regions 16 to 31" in result.out
