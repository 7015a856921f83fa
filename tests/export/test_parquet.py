import polars as pl
import pytest
from polars.testing import assert_frame_equal

from finemo_zarr.export import _rows, export_hits


@pytest.mark.parametrize("kind", ["plain", "tracks"])
@pytest.mark.parametrize("size", [10, 2**20])
def test_parquet__is_the_table_with_types(make, tmp_path, monkeypatch, kind: str, size) -> None:
    made = make(kind)
    monkeypatch.setattr(_rows, "_STRIPE_HITS", size)
    export_hits(made.hits, "parquet", tmp_path / "h.parquet")
    found = pl.read_parquet(tmp_path / "h.parquet")
    assert found.columns == made.table.columns
    assert found.schema["start"] == found.schema["peak_id"] == pl.Int64
    assert found.schema["hit_similarity"] == found.schema["hit_qvalue"] == pl.Float32
    assert found.schema["is_primary"] == pl.Boolean
    assert_frame_equal(found, made.table, check_dtypes=False, rel_tol=1e-6)
    assert [path.name for path in tmp_path.glob("*")] == ["h.parquet"]


def test_parquet__without_coordinates_says_nothing_of_places(make, tmp_path) -> None:
    made = make("unplaced")
    export_hits(made.hits, "parquet", tmp_path / "h.parquet")
    found = pl.read_parquet(tmp_path / "h.parquet")
    assert found.schema["chr"] == pl.String
    assert found["chr"].null_count() == found["peak_name"].null_count() == len(made.table)
    assert found["start"].to_list() == made.table["start"].to_list()


def test_parquet__without_hits_has_the_columns(make, tmp_path) -> None:
    export_hits(make("empty").hits, "parquet", tmp_path / "h.parquet")
    found = pl.read_parquet(tmp_path / "h.parquet")
    assert found.height == 0
    assert found.columns[:4] == ["chr", "start", "end", "start_untrimmed"]
    assert found.schema["chr"] == pl.String


def test_parquet__reads_in_pandas(made, tmp_path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    export_hits(made.hits, "parquet", tmp_path / "h.parquet")
    frame = pandas.read_parquet(tmp_path / "h.parquet")
    assert frame["start"].tolist() == made.table["start"].to_list()
