"""Schedules: when, whom; and how fast."""

from __future__ import annotations

from datetime import time

import pytest
from pydantic import ValidationError

from dicom_gateway.retrieval.pull_pace import Pace
from dicom_gateway.retrieval.pull_settings import PullScheduleSettings, PullSettings, check_schedules


@pytest.mark.parametrize(
    ("start", "stop", "open_", "closed"),
    [
        (None, None, ["00:00", "12:00"], []),
        ("22:00", "06:00", ["22:00", "23:59", "00:00", "05:59"], ["06:00", "12:00", "21:59"]),
        ("12:00", "13:00", ["12:00", "12:59"], ["11:59", "13:00", "00:00"]),
    ],
)
def test_the_hours_of_a_schedule(
    start: str | None, stop: str | None, open_: list[str], closed: list[str]
) -> None:
    schedule = PullScheduleSettings(name="night", peer="pacs", start=start, stop=stop)
    assert [schedule.is_open(time.fromisoformat(moment)) for moment in open_] == [True] * len(open_)
    assert [schedule.is_open(time.fromisoformat(moment)) for moment in closed] == [False] * len(closed)


@pytest.mark.parametrize(
    ("schedules", "said"),
    [
        ([{"name": "a", "peer": "nobody"}], "'a' names peer 'nobody'"),
        ([{"name": "a", "peer": "pacs"}, {"name": "a", "peer": "pacs"}], "'a' is given twice"),
        ([{"name": "a", "peer": "pacs", "start": "22:00"}], "'a' needs both start and stop"),
    ],
)
def test_a_schedule_that_cannot_work_is_refused(schedules: list[dict[str, str]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_schedules([PullScheduleSettings(**schedule) for schedule in schedules], ["pacs"])
    check_schedules([PullScheduleSettings(name="a", peer="pacs")], ["pacs"])


@pytest.mark.parametrize(
    "wrong", [{"method": "send"}, {"modalities": []}, {"modalities": ["D/X"]}, {"films_per_minute": -1}]
)
def test_a_wrong_setting_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PullSettings(**wrong)


def test_modalities_are_written_as_dicom_writes_them() -> None:
    assert PullSettings(modalities=["dx"]).modalities == ("DX",)


def test_the_pace_spreads_films_over_time_and_saves_nothing_up() -> None:
    pace = Pace(60)
    assert pace.reserve(3) == 0
    assert 2.9 < pace.reserve(1) <= 3
    assert 3.9 < pace.reserve(1) <= 4
    unlimited = Pace(0)
    assert [unlimited.reserve(1000) for _ in range(3)] == [0, 0, 0]
