"""Every process of a running installation is alive and ready, and has counted the film that went through."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

import pytest

from tbscreen.monitoring.monitoring_settings import PROCESSES
from tests.films import read, small_film
from tests.integration.conftest import Site, store_raw
from tests.servers.ports import wait_until


def ask(site: Site, process: str, path: str) -> str:
    port = site.installation.settings.monitoring.port(process)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def value(text: str, sample: str) -> float:
    found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found is not None else 0.0


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_is_alive_and_ready(site: Site, process: str) -> None:
    assert ask(site, process, "/healthz") == "ok\n"
    assert ask(site, process, "/readyz") == "ok\n"
    assert ask(site, process, "/metrics").isascii()


def test_a_film_is_counted_on_its_way(site: Site, tmp_path: Path) -> None:
    taken = 'tbscreen_receptions_total{status="0x0000"}'
    before = value(ask(site, "gateway", "/metrics"), taken)
    path = small_film(tmp_path, 77, PatientName="Quetzalcoatl^Xiuhtecuhtli")
    assert store_raw(site.port, path) == 0x0000
    site.wait_for_film(read(path), "screened")

    told = ask(site, "gateway", "/metrics")
    assert value(told, taken) == before + 1
    for sample in ("tbscreen_dispatches_total", "tbscreen_preparation_seconds_count", "tbscreen_broker_up"):
        assert value(told, sample) >= 1, sample
    assert value(told, "tbscreen_spool_bytes") > 0

    wait_until(lambda: "tbscreen_screenings_total{" in ask(site, "worker", "/metrics"), 10, "it is counted")
    assert value(ask(site, "worker", "/metrics"), "tbscreen_turnaround_seconds_count") >= 1

    delivered = 'tbscreen_delivery_attempts_total{peer="pacs",result="delivered"}'
    wait_until(lambda: value(ask(site, "courier", "/metrics"), delivered) >= 1, 60, "it is delivered")
    told = ask(site, "courier", "/metrics")
    assert value(told, "tbscreen_database_up") == 1
    assert "tbscreen_active_model_info{" in told

    everything = "".join(ask(site, process, "/metrics") for process in PROCESSES)
    assert "Quetzalcoatl" not in everything
    assert str(read(path).SOPInstanceUID) not in everything
