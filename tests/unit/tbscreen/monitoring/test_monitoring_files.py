"""Dashboard, alerts and documentation name metrics that exist, and leave none out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

import dicom_gateway.metrics
import notices.metrics
import tbscreen.monitoring.film_spans
import worker.metrics
from db.database import Database
from db.tables import Model
from dicom_gateway.dispatch import Dispatcher
from dicom_gateway.spool import Spool
from tbscreen.monitoring.database_metrics import DatabaseMetrics
from tbscreen.monitoring.gateway_metrics import GatewayMetrics
from tests import checkout
from tests.servers.ports import free_port
from tests.unit import rows

FOLDER = checkout.DOCS / "monitoring"
ENDINGS = r"(_total|_bucket|_count|_sum|_info)$"


def plain(name: str) -> str:
    return re.sub(ENDINGS, "", name)


@pytest.fixture
def known(database: Database, tmp_path: Path) -> set[str]:
    rows.register_model(database)
    with database.write() as session:
        model = session.get_one(Model, rows.DIGEST)
        point = {"name": "screening", "threshold": 0.25, "sensitivity": 0.9, "specificity": 0.7}
        model.manifest = {
            **model.manifest,
            "operating_points": [point, {"name": "rule_in", "threshold": 0.75}],
        }
    counted = [
        var
        for module in (dicom_gateway.metrics, notices.metrics, tbscreen.monitoring.film_spans, worker.metrics)
        for var in vars(module).values()
        if isinstance(var, MetricWrapperBase)
    ]
    dispatcher = Dispatcher(f"redis://127.0.0.1:{free_port()}/0")
    measured = [DatabaseMetrics(database, 0.02), GatewayMetrics(Spool(tmp_path / "spool"), dispatcher)]
    names = {family.name for collector in [*counted, *measured] for family in collector.collect()}
    return names | {"tbscreen_queue_films"}  # told only while the broker answers


@pytest.mark.parametrize("name", ["alerts.yaml", "dashboard.json", "README.md"])
def test_a_file_names_only_metrics_that_exist(known: set[str], name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    named = {plain(metric) for metric in re.findall(r"\btbscreen_[a-z0-9_]+\b", text)}
    assert named
    assert named - known == set()


def test_the_documentation_leaves_no_metric_out(known: set[str]) -> None:
    text = (FOLDER / "README.md").read_text("utf-8")
    assert known - {plain(metric) for metric in re.findall(r"\btbscreen_[a-z0-9_]+\b", text)} == set()


def test_each_alert_says_what_to_do() -> None:
    alerts = re.findall(r"alert: (\w+)", (FOLDER / "alerts.yaml").read_text("utf-8"))
    told = re.findall(r"^\| (Tbscreen\w+) \|", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(alerts) == sorted(told)


def test_an_alert_tells_of_a_database_without_any_backup(database: Database) -> None:
    age = "tbscreen_newest_backup_age_seconds"
    (family,) = (found for found in DatabaseMetrics(database).collect() if found.name == age)
    assert family.samples == []  # which no comparison exceeds
    expressions = re.findall(r"expr: (.*)", (FOLDER / "alerts.yaml").read_text("utf-8"))
    assert f"max(tbscreen_database_up) == 1 unless max({age})" in expressions


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 10
    assert all(panel["targets"][0]["expr"] for panel in panels)
