"""The commands `tbscreen rules …`: which films are screened, which are refused, and which rule decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from domain.errors import PermanentError
from tbscreen.terminal.invocation import prepare, print_json

if TYPE_CHECKING:
    from dicom_gateway.rules.rule_settings import RuleSettings
    from dicom_gateway.settings import GatewaySettings
    from domain.array.normalization import FilmArray

rules_app = typer.Typer(
    no_args_is_help=True, help="Which films are screened, which are refused, and which rule decides."
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@dataclass(frozen=True)
class ListedRule:
    """One rule, in the order in which it is tried."""

    name: str
    origin: str
    """`settings` or `default`."""
    outcome: str
    meaning: str


@dataclass(frozen=True)
class TestedFilm:
    """Decision of the rules on one file."""

    file: str
    outcome: str
    """`screened`, `refused`, or `unreadable` where the file is not a film."""
    refusal: str | None
    rule: str
    detail: str
    doubts: tuple[str, ...] = ()
    observations: tuple[str, ...] = ()
    guard: str | None = None
    """Opinion of the image guard, also where the header decides alone; None without pixels."""


@rules_app.command("list")
def list_rules(as_json: AsJson = False) -> None:
    """Show the rules in the order in which they are tried."""
    rules = list(find_rules(prepare("rules").gateway))
    if as_json:
        print_json([asdict(rule) for rule in rules])
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("rule", "from", "outcome", "films"):
        table.add_column(heading, overflow="fold")
    for rule in rules:
        table.add_row(rule.name, rule.origin, rule.outcome, rule.meaning)
    Console().print(table, markup=False, highlight=False)


@rules_app.command("test")
def try_rules(
    paths: Annotated[list[str], typer.Argument(help="DICOM, PNG and JPEG: files, folders, globs.")],
    sender: Annotated[str, typer.Option("--from", help="AE title of the sender that is imagined.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show the decision on each film, and the rule that makes it. No film is sent, stored or changed."""
    from tbscreen.models.prepared_file import find_files

    settings = prepare("rules", reads_dicom=True).gateway
    films = [try_film(path, sender, settings) for path in find_files(paths)]
    if as_json:
        print_json([asdict(film) for film in films])
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("file", "outcome", "rule", "why", "image guard"):
        table.add_column(heading, overflow="fold")
    for film in films:
        why = film.detail if not film.doubts else f"{film.detail}; doubts: {', '.join(film.doubts)}"
        why += f"; from the picture: {', '.join(film.observations)}" if film.observations else ""
        table.add_row(
            Path(film.file).name, film.refusal or film.outcome, film.rule or "-", why, film.guard or "-"
        )
    Console().print(table, markup=False, highlight=False)


def find_rules(settings: GatewaySettings) -> Iterator[ListedRule]:
    """Yield the site's rules, then the default ones."""
    from dicom_gateway.rules.default_rules import DEFAULT_RULES

    for rule in settings.rules:
        refusal = f": {rule.code.value}" if rule.code else ""
        yield ListedRule(rule.name, "settings", f"{rule.outcome.value}{refusal}", _write_conditions(rule))
    for default in DEFAULT_RULES:
        yield ListedRule(default.name, "default", "refuse the others", default.meaning)


def try_film(path: Path, sender: str, settings: GatewaySettings) -> TestedFilm:
    """Judge one file as the gateway would.

    Args:
        path: DICOM, PNG or JPEG; a picture has no header, so only its pixels are judged.
        sender: calling AE title that is imagined.
        settings: the site's rules.
    """
    from tbscreen.models.prepared_file import read_file

    film = read_file(path, settings, sender)
    if film.array is not None:
        doubts = tuple(doubt.value for doubt in film.doubts)
        seen = tuple(observation.value for observation in film.observations)
        guard = _ask_guard(film.array)
        return TestedFilm(film.file, "screened", None, film.rule, film.detail, doubts, seen, guard)
    outcome = "refused" if film.refusal else "unreadable"
    guard = _ask_guard(_decode(path)) if film.refusal else None
    return TestedFilm(film.file, outcome, film.refusal, film.rule, film.detail or film.error, guard=guard)


def _decode(path: Path) -> FilmArray | None:
    """Return the array of a film that is refused, or None where it cannot be made."""
    from dicom_gateway.pixels.radiograph import read_display
    from domain.array.normalization import normalize

    try:
        return normalize(read_display(path))
    except PermanentError:
        return None


def _ask_guard(array: FilmArray | None) -> str | None:
    from domain.array.image_guard import shipped_network

    if array is None:
        return None
    opinion = shipped_network().judge(array)
    return f"{opinion.certainty.value}: {opinion.words}"


def _write_conditions(rule: RuleSettings) -> str:
    given: dict[str, Any] = rule.model_dump(exclude={"name", "outcome", "refusal"}, exclude_defaults=True)
    return "; ".join(
        f"{name}: {', '.join(value) if isinstance(value, tuple) else value}" for name, value in given.items()
    )
