"""The command `tbscreen doctor`: checks of an installation, and of its GPU."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tbscreen.terminal.invocation import fail, prepare, print_json

if TYPE_CHECKING:
    from tbscreen.settings import Settings


def examine_installation(
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Prove that this host's GPU scores as the CPU does, and how fast.")
    ] = False,
    bundle: Annotated[
        Path | None, typer.Option(help="With --gpu: a bundle's folder instead of the active one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --gpu: one JSON document.")] = False,
) -> None:
    """Check data, database, model, broker, gateway, peers, page, certificates, deliveries and pulls."""
    settings = prepare("doctor")
    if gpu:
        good = _prove_gpu(settings, bundle, as_json)
    elif bundle is not None or as_json:
        fail("--bundle and --json go with --gpu")
    else:
        good = _examine(settings)
    raise typer.Exit(0 if good else 1)


def _prove_gpu(settings: Settings, bundle: Path | None, as_json: bool) -> bool:
    from tbscreen.doctor.gpu_proof import MEASURED_S, draw_proof, find_bundle, prove

    with find_bundle(settings, bundle) as opened:
        proof = prove(opened, MEASURED_S)
    if as_json:
        print_json({**asdict(proof), "holds": proof.holds})
    else:
        Console().print(draw_proof(proof), highlight=False, markup=False)
    return proof.holds


def _examine(settings: Settings) -> bool:
    """Print each check; returns True when none is bad."""
    from tbscreen.doctor.check import Health
    from tbscreen.doctor.examination import examine

    console = Console()
    marks = {Health.GOOD: "[green]✓[/green]", Health.NOTE: "[yellow]●[/yellow]", Health.BAD: "[red]✗[/red]"}
    good = True
    for check in examine(settings):
        good = good and check.health is not Health.BAD
        console.print(f"{marks[check.health]} [bold]{check.part}[/bold]: ", end="")
        console.print(check.finding, highlight=False, markup=False)
        if check.advice:
            console.print(f"    → {check.advice}", highlight=False, markup=False)
    return good
