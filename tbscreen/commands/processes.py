"""The commands that run processes: `tbscreen serve`, `gateway`, `worker`, `courier` and `web`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tbscreen.terminal.invocation import prepare

if TYPE_CHECKING:
    from dicom_gateway.settings import GatewaySettings
    from tbscreen.processes.serve import Service
    from tbscreen.settings import Settings

ReadyFile = Annotated[Path | None, typer.Option(hidden=True, help="Written when the process is ready.")]


def serve() -> None:
    """Run the whole service on this machine until Ctrl-C."""
    from tbscreen.processes.process_signals import end_on_signal
    from tbscreen.processes.serve import running

    settings = prepare("serve")
    ending = end_on_signal()
    console = Console(stderr=True)
    with running(settings, lambda part: console.print(f"starting {part} …", highlight=False)) as service:
        _show_service(service, settings)
        service.watch(ending)
        console.print("ending …")


def run_gateway(ready_file: ReadyFile = None) -> None:
    """Run a gateway: receive, judge, normalize and dispatch films."""
    from tbscreen.processes.gateway import run_gateway

    run_gateway(prepare("gateway"), ready_file)


def run_worker(ready_file: ReadyFile = None) -> None:
    """Run a worker: arrays in, scores out."""
    from tbscreen.processes.worker import run_worker

    run_worker(prepare("worker"), ready_file)


def run_courier(ready_file: ReadyFile = None) -> None:
    """Run a courier: build reports and send them to the peers."""
    from tbscreen.processes.courier import run_courier

    run_courier(prepare("courier"), ready_file)


def run_web(ready_file: ReadyFile = None) -> None:
    """Serve the page: worklist, studies, reads, REST."""
    from tbscreen.processes.web import run_web

    run_web(prepare("web"), ready_file)


def name_ports(gateway: GatewaySettings, dicom_port: int) -> str:
    """Return the ports on which a gateway takes associations, such as "11112 and 2762 (TLS)".

    Args:
        gateway: its settings.
        dicom_port: its port without TLS, which is not that of the settings where they leave the choice to
            the system.
    """
    ports = [str(dicom_port)] if gateway.accept_plain else []
    if gateway.tls is not None:
        ports.append(f"{gateway.tls.port or 'any free one'} (TLS)")
    return " and ".join(ports)


def _show_service(service: Service, settings: Settings) -> None:
    out = Console()
    out.print("\n[bold]tbscreen is ready.[/bold] Research software, not a medical device.")
    out.print(f"  AE title   {service.ae_title}", highlight=False)
    gateway = settings.gateway
    ports = name_ports(gateway, service.dicom_port)
    out.print(f"  port       {ports}, listening on {gateway.host}", highlight=False)
    out.print(f"  page       {service.page}", highlight=False)
    if service.users == 0:
        out.print(
            "  log in     no users yet: tbscreen users add NAME --role admin", highlight=False, style="bold"
        )
    trained = "" if service.model.trained else " (untrained: its scores mean nothing)"
    out.print(f"  model      {service.model.name} {service.model.version}{trained}", highlight=False)
    peers = ", ".join(
        f"{peer.name} ({peer.ae_title or peer.url})" for peer in settings.peers if peer.send_reports
    )
    out.print(
        f"  reports to {peers or 'no peer: add [[peers]] to tbscreen.toml'}", highlight=False, markup=False
    )
    out.print("Ctrl-C ends it.\n")
