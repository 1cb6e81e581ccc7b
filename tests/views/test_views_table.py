from io import StringIO

from rich.console import Console

from cgnmc_bluesky.views import ResultTable

FRACTION = {"ni2_fraction": (0.3481, 0.0062, ""), "mean_valence": (2.652, 0.0062, "")}


def _send(table, documents):
    for name, doc in documents:
        table(name, doc)


def test_lines_are_written_once_each_where_there_is_no_terminal(result_documents):
    out = StringIO()
    with ResultTable(Console(file=out, width=160)) as table:
        _send(table, result_documents("ni2_fraction", FRACTION, scan_id=7))
        first = out.getvalue()
        _send(table, result_documents("ni2_fraction", FRACTION, scan_id=8, reason="no foil"))
    assert "Ni²⁺ 0.348 ± 0.006" in first
    assert "mean valence 2.652 ± 0.006" in first
    assert out.getvalue().startswith(first)
    assert out.getvalue().count("scan ") == 1
    assert "no foil" in out.getvalue()


def test_no_number_stands_beside_a_failure(result_documents):
    out = StringIO()
    with ResultTable(Console(file=out, width=160)) as table:
        _send(table, result_documents("ni2_fraction", FRACTION, status="failed", reason="i0 is 0"))
    assert "0.348" not in out.getvalue()
    assert "failed" in out.getvalue()
    assert "i0 is 0" in out.getvalue()


def test_on_a_terminal_the_whole_table_stays(result_documents):
    out = StringIO()
    console = Console(file=out, width=160, height=30, force_terminal=True)
    with ResultTable(console, rows=2) as table:
        for scan_id in range(1, 6):
            _send(
                table,
                result_documents("ni2_fraction", FRACTION, scan_id=scan_id, sample=f"S{scan_id}"),
            )
    last_frame = out.getvalue().rpartition("value ± one sigma")[2]
    assert all(f"S{scan_id}" in last_frame for scan_id in range(1, 6))


def test_markup_in_a_name_is_taken_literally(result_documents):
    out = StringIO()
    with ResultTable(Console(file=out, width=160)) as table:
        _send(table, result_documents("ni2_fraction", FRACTION, sample="[red]x[/nonsense]"))
    assert "[red]x[/nonsense]" in out.getvalue()
