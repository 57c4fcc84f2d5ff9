"""The days of a report in the site's time zone, with their months and weeks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from db.counts.report_counts import Span
from domain.errors import PermanentError

MOST_DAYS: Final = 3660
FIRST_YEAR: Final = 1990
REFERENCE_DAYS: Final = 90


class PeriodError(PermanentError, ValueError):
    """The period is invalid. Permanent; the message says what to give."""


@dataclass(frozen=True)
class Period:
    """The days from `first` to `last`, both included, in `timezone` (IANA).

    Raises:
        PeriodError: when `first` is after `last`, or when they are more than ten years apart.
    """

    first: date
    last: date
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise PeriodError(f"the period ends on {self.last}, before it begins on {self.first}")
        if self.days > MOST_DAYS or self.first.year < FIRST_YEAR or self.last.year > 9000:
            raise PeriodError(f"a period begins in {FIRST_YEAR} or later and has at most {MOST_DAYS} days")

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.last - self.first).days + 1

    @property
    def following(self) -> date:
        """The day after it."""
        return self.last + timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"

    def to_span(self) -> Span:
        """Return the period as a span in UTC."""
        return self._span(str(self), self.first, self.following)

    def list_months(self) -> list[Span]:
        """Return the calendar months in order, named like "2026-01"; the outer ones are cut to the period."""
        return self._cut("%Y-%m", lambda day: (day.replace(day=1) + timedelta(days=32)).replace(day=1))

    def list_weeks(self) -> list[Span]:
        """Return the weeks, Monday to Sunday (ISO 8601), named by their first day within the period."""
        return self._cut("%Y-%m-%d", lambda day: day + timedelta(days=7 - day.weekday()))

    def find_before(self) -> Period:
        """Return the period of as many days that ends on the day before this one begins."""
        last = self.first - timedelta(days=1)
        return Period(last - timedelta(days=self.days - 1), last, self.timezone)

    def find_reference(self, first: date | None = None, last: date | None = None) -> Period:
        """Return the reference period of drift: the given days, else the 90 days before this period."""
        if first is not None and last is not None:
            return Period(first, last, self.timezone)
        return Period(
            self.first - timedelta(days=REFERENCE_DAYS), self.first - timedelta(days=1), self.timezone
        )

    def _cut(self, name: str, following: Callable[[date], date]) -> list[Span]:
        spans, day = [], self.first
        while day <= self.last:
            after = min(following(day), self.following)
            spans.append(self._span(day.strftime(name), day, after))
            day = after
        return spans

    def _span(self, name: str, first: date, after: date) -> Span:
        return Span(name, self._begin(first), self._begin(after))

    def _begin(self, day: date) -> datetime:
        return datetime.combine(day, time(), ZoneInfo(self.timezone)).astimezone(UTC)


def choose_period(first: date | None, last: date | None, timezone: str) -> Period:
    """Return the period between two days, of which each may be left out.

    Without both it is the last month; without the last day it ends today; without the first day it begins
    with the month of the last day.

    Raises:
        PeriodError: when the period is invalid.
    """
    today = datetime.now(ZoneInfo(timezone)).date()
    if first is None and last is None:
        return find_last_month(today, timezone)
    last = last or max(today, first or today)
    return Period(first or last.replace(day=1), last, timezone)


def find_last_month(today: date, timezone: str) -> Period:
    """Return the calendar month before that of `today`."""
    last = today.replace(day=1) - timedelta(days=1)
    return Period(last.replace(day=1), last, timezone)
