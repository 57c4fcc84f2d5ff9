"""A log line names the type and place of an exception and never its text."""

from __future__ import annotations

import subprocess
import sys

import pytest

RAISE = """
import logging, sys, threading
import structlog
from tbscreen.processes.logs import configure_logs

configure_logs(sys.argv[1], "worker", "debug")

def fail():
    url = "redis://:PASSWORD@host/0"
    headers = {"PatientName": "QUAGGA^JANE"}
    raise ValueError(f"cannot use {url} for {headers}")

try:
    fail()
except ValueError as error:
    logging.getLogger("celery.worker").error("it failed", exc_info=True)
    logging.getLogger("uvicorn.error").exception("it failed")
    structlog.get_logger().error("it failed", exc_info=True)
    structlog.get_logger().exception("it failed")
    structlog.get_logger().error("it failed", exc_info=error)
logging.getLogger("celery").error("it failed", exc_info=True)  # where there is none
thread = threading.Thread(target=fail)
thread.start()
thread.join()
fail()
"""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_neither_text_nor_variables_of_an_exception_are_logged(log_format: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RAISE, log_format], capture_output=True, text=True, timeout=60, check=False
    )
    told = done.stdout + done.stderr
    assert "PASSWORD" not in told
    assert "QUAGGA" not in told
    assert told.count("it failed") == 6
    assert told.count("ValueError") == 7
    assert told.count("<string>:") == 5 + 1 + 2, "where it was: the last line, or all when nobody caught it"
