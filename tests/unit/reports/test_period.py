"""Days, months and weeks in a time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from reports.period import Period, PeriodError, choose_period, find_last_month
from reports.settings import ReportSettings


def test_a_day_begins_when_the_clock_of_the_zone_says_so() -> None:
    span = Period(date(2026, 3, 28), date(2026, 3, 29), "Europe/Berlin").to_span()
    assert span.start == datetime(2026, 3, 27, 23, tzinfo=UTC)
    # Summer time began on the 29th: the day has 23 hours.
    assert span.end == datetime(2026, 3, 29, 22, tzinfo=UTC)


def test_months_and_weeks_cover_the_period_without_gap() -> None:
    period = Period(date(2025, 12, 17), date(2026, 2, 3))
    months, weeks = period.list_months(), period.list_weeks()
    assert [month.name for month in months] == ["2025-12", "2026-01", "2026-02"]
    assert [week.name for week in weeks][:3] == ["2025-12-17", "2025-12-22", "2025-12-29"]
    for spans in (months, weeks):
        assert (spans[0].start, spans[-1].end) == (period.to_span().start, period.to_span().end)
        assert [span.end for span in spans[:-1]] == [span.start for span in spans[1:]]


def test_what_is_left_out_of_a_period() -> None:
    assert find_last_month(date(2026, 1, 31), "UTC") == Period(date(2025, 12, 1), date(2025, 12, 31))
    today = datetime.now(UTC).date()
    assert choose_period(date(2020, 1, 5), None, "UTC").last == today
    assert choose_period(None, date(2020, 1, 5), "UTC").first == date(2020, 1, 1)
    assert choose_period(None, None, "UTC") == find_last_month(today, "UTC")


def test_the_reference_is_the_ninety_days_before() -> None:
    period = Period(date(2026, 4, 1), date(2026, 4, 30), "Asia/Tokyo")
    assert period.find_reference() == Period(date(2026, 1, 1), date(2026, 3, 31), "Asia/Tokyo")
    given = period.find_reference(date(2025, 1, 1), date(2025, 2, 1))
    assert given == Period(date(2025, 1, 1), date(2025, 2, 1), "Asia/Tokyo")


@pytest.mark.parametrize(
    ("first", "last"), [(date(2026, 2, 1), date(2026, 1, 1)), (date(2000, 1, 1), date(2026, 1, 1))]
)
def test_what_is_no_period(first: date, last: date) -> None:
    with pytest.raises(PeriodError):
        Period(first, last)


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"reference_from": "2026-01-01"},
        {"reference_from": "2026-01-02", "reference_to": "2026-01-01"},
        {"drift_index": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"time zone|reference|greater"):
        ReportSettings.model_validate(wrong)
