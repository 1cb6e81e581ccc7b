import math
from threading import Thread

import event_model
import numpy as np

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.views.board import Board, gives

EDGE = {"edge_ev": (8344.8, 0.02, "eV")}


def test_newest_event_and_curves_are_kept(result_documents, spectrum):
    board = Board()
    for name, doc in result_documents(
        "edge_position", EDGE, {"spectrum": spectrum}, reason="no foil"
    ):
        board(name, doc)
    (latest,) = board.latest()
    assert (latest.run_uid, latest.scan_id, latest.sample) == ("run-1", 1, "conventional")
    assert (latest.status, latest.reason, latest.mode) == (Status.FINAL, "no foil", "transmission")
    assert latest.values == {"edge_ev": 8344.8}
    assert latest.sigmas == {"edge_ev": 0.02}
    assert latest.units == {"edge_ev": "eV"}
    np.testing.assert_array_equal(latest.curves["spectrum"]["mu"], spectrum["mu"])


def test_event_page_counts_by_its_last_row(result_documents):
    board = Board()
    for name, doc in result_documents("edge_position", EDGE):
        if name == "event":
            earlier = {**doc, "data": {**doc["data"], "edge_ev": -1.0}}
            board("event_page", event_model.pack_event_page(earlier, {**doc, "seq_num": 2}))
        else:
            board(name, doc)
    assert board.latest()[0].values["edge_ev"] == 8344.8


def test_a_value_that_is_not_given_is_not_shown(result_documents):
    board = Board()
    for name, doc in result_documents("edge_position", {"edge_ev": (math.nan, math.nan, "eV")}):
        board(name, doc)
    assert not gives(board.latest()[0], "edge_ev")


def test_nothing_is_shown_of_waiting_and_failed_results(result_documents):
    board = Board()
    for status in ("waiting", "failed"):
        for name, doc in result_documents("edge_position", EDGE, status=status):
            board(name, doc)
    assert not any(gives(latest, "edge_ev") for latest in board.latest())


def test_only_the_newest_curves_are_kept(result_documents, spectrum):
    board = Board(runs_kept=2)
    for scan_id in range(1, 5):
        for name, doc in result_documents(
            "edge_position", EDGE, {"spectrum": spectrum}, scan_id=scan_id
        ):
            board(name, doc)
    assert [bool(latest.curves) for latest in board.latest()] == [False, False, True, True]


def test_all_results_of_a_run_keep_their_curves(result_documents, spectrum):
    board = Board(runs_kept=1)
    for particle in range(1, 20):
        for name, doc in result_documents(
            "mn_ni_ratio", EDGE, {"map": spectrum}, particle=particle
        ):
            board(name, doc)
    assert all(latest.curves for latest in board.latest())


def test_documents_of_an_unknown_run_are_left_alone(result_documents):
    board = Board()
    for name, doc in list(result_documents("edge_position", EDGE))[1:]:
        board(name, doc)
    assert board.latest() == []


def test_documents_may_come_from_any_thread(result_documents):
    board = Board()

    def send(first: int) -> None:
        for scan_id in range(first, first + 50):
            for name, doc in result_documents("edge_position", EDGE, scan_id=scan_id):
                board(name, doc)

    threads = [Thread(target=send, args=(first,)) for first in (0, 50, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {latest.scan_id for latest in board.latest()} == set(range(150))
