"""Long work of a page: one at a time, and its end is shown, good or bad."""

from __future__ import annotations

import threading

from domain.errors import PermanentError
from tests.servers.ports import wait_until
from web.administration.background import Background


def test_one_piece_of_work_runs_at_a_time() -> None:
    background: Background[int] = Background()
    goes_on = threading.Event()
    assert background.newest is None

    def work() -> int:
        assert goes_on.wait(30)
        return 7

    assert background.start("sum", "ada", work)
    assert background.newest is not None
    assert background.newest.is_running
    assert not background.start("another", "max", work)
    goes_on.set()
    wait_until(lambda: not background.newest.is_running, 30, "the work ends")
    ended = background.newest
    assert (ended.name, ended.by, ended.result, ended.trouble) == ("sum", "ada", 7, None)
    assert background.start("another", "max", work)


def test_the_reason_of_a_failure_is_kept_and_no_text_of_an_unexpected_one() -> None:
    background: Background[None] = Background()
    for error, told in (
        (PermanentError("no bundle is shadow"), "no bundle is shadow"),
        (KeyError("Doe^Jane"), "an unexpected error, KeyError"),
    ):

        def work(error: Exception = error) -> None:
            raise error

        assert background.start("work", "ada", work)
        wait_until(lambda: background.newest.ended_at is not None, 30, "the work ends")
        assert background.newest.trouble == told
