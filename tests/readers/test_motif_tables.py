import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.readers.motif_tables import (
    read_lambdas,
    read_names,
    read_renames,
    read_thresholds,
    read_trim_coords,
)

ALL = {
    "names": (read_names, "pos_patterns.pattern_0\n"),
    "renames": (read_renames, "pos_patterns.pattern_0\tCTCF\n"),
    "lambdas": (read_lambdas, "pos_patterns.pattern_0\t0.8\n"),
    "thresholds": (read_thresholds, "pos_patterns.pattern_0\t0.2\n"),
    "trim_coords": (read_trim_coords, "pos_patterns.pattern_0\t3\t12\n"),
}


@pytest.fixture
def write(tmp_path):
    def write_table(text):
        path = tmp_path / "table.tsv"
        path.write_text(text, encoding="utf-8")
        return path

    return write_table


@pytest.fixture(params=ALL)
def table(request):
    return ALL[request.param]


def test_tables__give_what_they_hold(write):
    text = "# comment\n\na\t{0}\nb x\t{0}\n"
    assert read_names(write("a\n\n# no\nb x\n")) == ("a", "b x")
    assert read_renames(write("a\tb\nb\ta\n")) == {"a": "b", "b": "a"}
    assert read_lambdas(write(text.format("1e-1"))) == {"a": 0.1, "b x": 0.1}
    assert read_thresholds(write(text.format("0"))) == {"a": 0.0, "b x": 0.0}
    assert read_trim_coords(write(text.format("0\t7"))) == {"a": (0, 7), "b x": (0, 7)}


def test_table__takes_any_line_ending_and_a_byte_order_mark(write, table):
    read, text = table
    assert read(write("\ufeff" + text.replace("\n", "\r\n"))) == read(write(text))
    assert read(str(write(text.rstrip("\n")))) == read(write(text))


def test_table__refuses_a_missing_file(tmp_path, table):
    with pytest.raises(ReadError, match=r"missing\.tsv: no such file"):
        table[0](tmp_path / "missing.tsv")


@pytest.mark.parametrize(("text", "message"), [("", "is empty"), ("# only\n\n", "has no rows")])
def test_table__refuses_an_empty_file(write, table, text, message):
    with pytest.raises(ReadError, match=message):
        table[0](write(text))


def test_table__refuses_a_directory_and_bytes(tmp_path, table):
    with pytest.raises(ReadError, match="directory"):
        table[0](tmp_path)
    path = tmp_path / "bytes.tsv"
    path.write_bytes(b"\x89PNG\xff\xfe\x00")
    with pytest.raises(ReadError, match="not a text file"):
        table[0](path)


def test_table__refuses_a_name_twice(write, table):
    read, text = table
    with pytest.raises(ReadError, match=r"line 3: pos_patterns.pattern_0 stands on line 1"):
        read(write(text + "# between\n" + text))


@pytest.mark.parametrize("table", [name for name in ALL if name != "names"], indirect=True)
def test_table__refuses_another_number_of_columns(write, table):
    read, text = table
    columns = text.count("\t") + 1
    with pytest.raises(ReadError, match=f"line 2: {columns + 1} columns, expected {columns}"):
        read(write("#\n" + text.rstrip("\n") + "\tmore\n"))


def test_names__are_the_first_column(write):
    path = write("one\tTF 1\t0.7\ntwo\nthree\t\n")
    assert read_names(path) == ("one", "two", "three")


@pytest.mark.parametrize("read", [read_renames, read_lambdas, read_thresholds, read_trim_coords])
def test_table__says_that_columns_are_separated_by_tabs(write, read):
    with pytest.raises(ReadError, match=r"line 1: 1 columns, expected \d separated by tabs: name"):
        read(write("pos_patterns.pattern_0 0.5 0.7\n"))


@pytest.mark.parametrize("read", [read_renames, read_lambdas, read_thresholds])
def test_table__refuses_an_empty_field(write, read):
    with pytest.raises(ReadError, match="line 1: 1 columns, expected 2"):
        read(write("\t0.5\n"))


@pytest.mark.parametrize(
    ("read", "row", "message"),
    [
        (read_lambdas, "a\thigh", "line 1: 'high' is not a number"),
        (read_lambdas, "a\t0", "lambda is 0, expected a number above 0"),
        (read_lambdas, "a\t-0.5", "lambda is -0.5"),
        (read_lambdas, "a\tnan", "lambda is nan"),
        (read_lambdas, "a\tinf", "lambda is inf"),
        (read_thresholds, "a\t1.5", "threshold is 1.5, expected a number from 0 to 1"),
        (read_thresholds, "a\tnan", "threshold is nan"),
        (read_thresholds, "a\tx", "'x' is not a number"),
        (read_trim_coords, "a\t3\t3", "start and end are 3 and 3, expected 0 <= start < end"),
        (read_trim_coords, "a\t-1\t3", "start and end are -1 and 3"),
        (read_trim_coords, "a\t1.5\t3", "1.5 and 3, expected whole numbers"),
        (read_renames, "a\tc\nb\tc", "a and b would both be named c"),
    ],
)
def test_table__refuses_values_that_cannot_be(write, read, row, message):
    with pytest.raises(ReadError, match=message) as caught:
        read(write(row + "\n"))
    assert "table.tsv" in str(caught.value)
