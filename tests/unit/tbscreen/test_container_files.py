"""The files of `docker/` start commands with settings that exist, and ask ports that are open."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Final

import pytest
from typer.main import get_command

from tbscreen.cli import app
from tbscreen.settings import FILE_VARIABLE, load_settings
from tests.checkout import DOCS, ROOT

FOLDER: Final = ROOT / "docker"
COMPOSE: Final = (FOLDER / "compose.yaml").read_text("utf-8")
KUBERNETES: Final = (FOLDER / "kubernetes" / "tbscreen.yaml").read_text("utf-8")
DOCKERFILE: Final = (FOLDER / "Dockerfile").read_text("utf-8")
ROLES: Final = {
    role: (DOCKERFILE + "\nFROM").split(f" AS {role}\n")[1].split("\nFROM")[0]
    for role in ("gateway", "courier", "web", "worker-cpu", "worker-gpu")
}
WRITTEN: Final = re.compile(r"(TBSCREEN_\w+)(?::|, value:|=) ?('[^'\n]*'|\"[^\"\n]*\"|[^\s},\\]+)")


def list_variables(text: str) -> dict[str, str]:
    """Return the variables that have a value, of a file of `docker/`."""
    return {name: value.strip("'\"") for name, value in WRITTEN.findall(text)}


@pytest.mark.parametrize(
    "text", [COMPOSE, KUBERNETES, *ROLES.values()], ids=["compose", "kubernetes", *ROLES]
)
def test_variables_are_settings(text: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that tbscreen does not know end it at its start."""
    variables = list_variables((FOLDER / "tbscreen.env.example").read_text("utf-8")) | list_variables(text)
    named = set(re.findall(r"\b(TBSCREEN_[A-Z_]+)", text))
    for name in named - set(variables):  # from a secret, or a field of the pod
        variables[name] = "gateway-0"
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (settings,) = re.findall(r"tbscreen\.toml: \|\n((?: {4}.*\n|\n)+)", text) or [""]
    (place / "tbscreen.toml").write_text(textwrap.dedent(settings), "utf-8")
    monkeypatch.setenv(FILE_VARIABLE, str(place / "tbscreen.toml"))
    loaded = load_settings()
    assert loaded.resolve_database_url() == variables["TBSCREEN_DATABASE_URL"]
    assert len(loaded.peers) == (text in {COMPOSE, KUBERNETES})


def test_commands_exist() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    started = [json.loads(command)[0] for command in re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)]
    assert started == ["gateway", "courier", "web", "worker", "worker"]
    assert set(started) <= set(commands)
    assert 'command: ["db", "upgrade"]' in COMPOSE
    assert "args: [db, upgrade]" in KUBERNETES
    assert "upgrade" in [info.name for info in commands["db"].commands.values()]


@pytest.mark.parametrize("process", ["worker", "courier"])
def test_a_container_has_as_long_to_end_as_a_unit_of_systemd(process: str) -> None:
    unit = (DOCS / "systemd" / f"tbscreen-{process}.service").read_text("utf-8")
    (allowed_s,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert f"stop_grace_period: {allowed_s}s" in COMPOSE


def test_images_are_targets_of_the_dockerfile() -> None:
    images = re.findall(r"image: \S*/tbscreen-([a-z-]+)", COMPOSE + KUBERNETES)
    assert set(images) == set(ROLES)
    (targets,) = re.findall(
        r"^for target in (.*); do$", (FOLDER / "build.sh").read_text("utf-8"), re.MULTILINE
    )
    assert {*targets.split(), "worker-gpu"} == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_health_is_asked_at_the_monitor_s_port(role: str) -> None:
    (port,) = re.findall(r"TBSCREEN_MONITORING__\w+_PORT=(\d+)", ROLES[role])
    assert f"http://127.0.0.1:{port}/healthz" in ROLES[role]
    assert re.search(rf"^EXPOSE .*\b{port}$", ROLES[role], re.MULTILINE)
    if role != "worker-gpu":
        pod = next(
            part for part in KUBERNETES.split("\n---\n") if f"/tbscreen-{role}:" in part and "Probe" in part
        )
        assert f"containerPort: {port}" in pod
        assert f'prometheus.io/port: "{port}"' in pod


@pytest.mark.parametrize("role", ["gateway", "web"])
def test_the_data_of_gateways_and_pages_outlive_their_pods(role: str) -> None:
    """A gateway has the only copy of films, a page the only copy of keys, without which no restore erases."""
    (pod,) = (
        part for part in KUBERNETES.split("\n---\n") if f"/tbscreen-{role}:" in part and "Probe" in part
    )
    assert "{name: data, mountPath: /data}" in pod
    assert "volumeClaimTemplates:\n    - metadata: {name: data}" in pod
    assert "{name: data, emptyDir" not in pod
