"""The commands by name. Each is imported when it is called: `tbscreen --help` imports none of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, cast

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True)
class Entry:
    """A command, or a group of commands."""

    name: str
    module: str
    """Its module, under `tbscreen.commands`."""
    attribute: str
    """Its function or `typer.Typer` there."""
    summary: str
    """First paragraph of its help."""

    def load(self) -> Any:
        """Import the command."""
        found = getattr(import_module(f"tbscreen.commands.{self.module}"), self.attribute)
        parent = typer.Typer(add_completion=False, pretty_exceptions_enable=False, callback=_do_nothing)
        if isinstance(found, typer.Typer):
            parent.add_typer(found, name=self.name)
        else:
            parent.command(self.name)(found)
        return typer.main.get_group(parent).commands[self.name]


def _do_nothing() -> None:
    """Let a group of one command stay a group."""


INDEX: Final = (
    Entry("serve", "processes", "serve", "Run the whole service on this machine until Ctrl-C."),
    Entry(
        "gateway", "processes", "run_gateway", "Run a gateway: receive, judge, normalize and dispatch films."
    ),
    Entry("worker", "processes", "run_worker", "Run a worker: arrays in, scores out."),
    Entry("courier", "processes", "run_courier", "Run a courier: build reports and send them to the peers."),
    Entry("web", "processes", "run_web", "Serve the page: worklist, studies, reads, REST."),
    Entry(
        "doctor",
        "doctor",
        "examine_installation",
        "Check data, database, model, broker, gateway, peers, page, certificates, deliveries and pulls.",
    ),
    Entry(
        "canary",
        "canary",
        "send_canary",
        "Send a drawn film to the gateway of this host, and compare its score with the expected one.",
    ),
    Entry(
        "worklist",
        "worklist",
        "show_worklist",
        "Show studies by suspicion: unread first, then priority band, score and waiting time.",
    ),
    Entry(
        "film",
        "film",
        "show_film",
        "Show what happened to one film: received, prepared, screened or refused, delivered, committed.",
    ),
    Entry(
        "retry",
        "film",
        "retry_films",
        "Screen again all films that were refused as processing_failed and are still in the spool.",
    ),
    Entry(
        "predict",
        "predict",
        "predict_files",
        "Score files on disk, without PACS, broker or database. A broken file is a record with an error.",
    ),
    Entry(
        "backup",
        "backup",
        "back_up",
        "Save the database, bundles included, in one file, while the service runs.",
    ),
    Entry(
        "restore",
        "backup",
        "restore",
        "Replace the content of the database with a backup, completely or not at all.",
    ),
    Entry(
        "pull",
        "pull",
        "pull_studies",
        "Find chest studies in a PACS by C-FIND and fetch them by C-GET or C-MOVE.",
    ),
    Entry(
        "pulls",
        "pull",
        "show_pulls",
        "Show what is pulled from PACS that cannot route: commands and schedules, newest first.",
    ),
    Entry(
        "conformance",
        "documents.conformance",
        "write_conformance",
        "Print the DICOM Conformance Statement (PS3.2) of this version with these settings, as Markdown.",
    ),
    Entry(
        "retrain",
        "retrain",
        "retrain_model",
        "Train a model on labelled images, judge it, and write it as a bundle with its report.",
    ),
    Entry(
        "report",
        "report",
        "write_report",
        "Report a period: films, findings, turnaround, deliveries, agreement with reads, drift.",
    ),
    Entry(
        "export-labels",
        "export_labels",
        "export_labels",
        "Write read or tested films as PNG with labels that 'tbscreen retrain' takes, without patient data.",
    ),
    Entry(
        "demo",
        "installation",
        "show_demo",
        "Send one real film all the way through a temporary installation.",
    ),
    Entry(
        "models", "models", "models_app", "Model bundles in the database: which is used for what, and why."
    ),
    Entry("keys", "keys", "keys_app", "Site keys: they sign bundles, and some are trusted here."),
    Entry(
        "results",
        "bacteriology.results",
        "results_app",
        "Bacteriology results: Xpert, Ultra, culture, smear.",
    ),
    Entry(
        "calibrate",
        "calibration.calibrate",
        "calibrate_app",
        "Operating points of this site's own, from its reads or its bacteriology.",
    ),
    Entry(
        "study",
        "calibration.study",
        "study_app",
        "A calibration study: this site's own threshold by bacteriology, from its plan to its signature.",
    ),
    Entry(
        "rules", "rules", "rules_app", "Which films are screened, which are refused, and which rule decides."
    ),
    Entry(
        "dossier",
        "documents.dossier",
        "make_dossier",
        "Write what a ministry, an ethics board or an assessor asks for, as a PDF and a folder.",
    ),
    Entry("deliveries", "deliveries.deliveries", "deliveries_app", "Reports on their way to the peers."),
    Entry("notices", "notices", "notices_app", "Notices on events, by webhook and e-mail."),
    Entry("db", "installation", "db_app", "The results database."),
    Entry("users", "users", "users_app", "People who may use the page, and tokens for programs."),
    Entry("patients", "patients.corrections", "patients_app", "Patients: conflicts, corrections, erasure."),
    Entry("settings", "settings", "settings_app", "List every setting with its default and meaning."),
    Entry("renditions", "storage.renditions", "renditions_app", "Pictures of films in the database."),
    Entry(
        "spool",
        "storage.spool",
        "spool_app",
        "Files in this gateway's spool whose films another gateway has.",
    ),
)
"""In the order of `tbscreen --help`."""


class _Commands(Mapping[str, Any]):
    """Commands by name, each imported when it is asked for."""

    def __init__(self) -> None:
        self._entries = {entry.name: entry for entry in INDEX}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = self._entries[name].load()
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class CommandIndex(TyperGroup):
    """The group `tbscreen`: it lists its commands by their summaries and imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = cast(MutableMapping[str, Any], _Commands())  # nothing is added later

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names."""
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a stand-in with the summary, for the list in the help; None for an unknown name."""
        summaries = {entry.name: entry.summary for entry in INDEX}
        return TyperCommand(cmd_name, help=summaries[cmd_name]) if cmd_name in summaries else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return name, command and the other arguments."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, None if name is None else self.commands[name], rest
