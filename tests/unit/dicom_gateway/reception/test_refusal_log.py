"""A flood of refusals makes few lines, and none is lost from the count."""

from __future__ import annotations

from structlog.testing import capture_logs

from dicom_gateway.reception.refusal_log import EVERY_S, MOST_KINDS, RefusalLog


def test_the_next_line_counts_those_that_made_none() -> None:
    now = [0.0]
    refusals = RefusalLog(lambda: now[0])
    with capture_logs() as lines:
        told = [refusals.note("rejected", caller="CR1") for _ in range(5)]
        told.append(refusals.note("rejected", caller="CR2"))
        now[0] += EVERY_S
        told.append(refusals.note("rejected", caller="CR1"))
        told.append(refusals.note("rejected", caller="CR1"))
    assert told == [1, 0, 0, 0, 0, 1, 5, 0]
    assert [(line["caller"], line["count"]) for line in lines] == [("CR1", 1), ("CR2", 1), ("CR1", 5)]


def test_invented_names_fill_neither_log_nor_memory() -> None:
    now = [0.0]
    refusals = RefusalLog(lambda: now[0])
    with capture_logs() as lines:
        for number in range(3 * MOST_KINDS):
            refusals.note("rejected", caller=str(number))
    assert len(lines) == MOST_KINDS + 1
    assert lines[-1]["reason"] == "many kinds at once"
    now[0] += EVERY_S
    with capture_logs() as lines:
        refusals.note("rejected", caller="late")
    told = [(line.get("caller", line.get("reason")), line["count"]) for line in lines]
    assert told == [("many kinds at once", 2 * MOST_KINDS - 1), ("late", 1)], "none is lost from the count"


def test_the_rest_of_a_burst_is_told_when_nobody_is_refused_any_more() -> None:
    now = [0.0]
    alerts: list[tuple[str, dict[str, str], int]] = []
    refusals = RefusalLog(lambda: now[0], lambda *alert: alerts.append(alert))
    for _ in range(500):
        refusals.note("rejected", caller="CR1")
    refusals.flush()
    assert alerts == [("rejected", {"caller": "CR1"}, 1)]
    now[0] += EVERY_S
    refusals.flush()
    refusals.flush()
    assert alerts[1:] == [("rejected", {"caller": "CR1"}, 499)]
    refusals.note("rejected", caller="CR1")
    refusals.note("rejected", caller="CR1")
    refusals.close()
    assert [count for _, _, count in alerts] == [1, 499, 1, 1]
