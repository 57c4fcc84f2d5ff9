"""Checks an installation, part by part, and says what to do about what is wrong."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Final

from db import schema
from db.accounts import users
from db.backup import backup_log
from db.clock import now
from db.database import Database, DatabaseAwayError
from db.models import admissions, bundles
from dicom_gateway.association.peer_association import REJECTED
from dicom_gateway.association.tls_settings import PeerTlsSettings
from dicom_gateway.association.verification import echo, verify
from dicom_gateway.canary.own_port import EVERYWHERE, describe_own_port
from dicom_gateway.delivery.stow_scu import probe
from dicom_gateway.dicomweb.dicomweb_settings import DicomwebSettings
from dicom_gateway.settings import GatewaySettings, PeerProtocol, PeerSettings, spool_directory
from domain.errors import PermanentError
from tbscreen.doctor.answer_checks import examine_answers, examine_doubted, examine_unanswered
from tbscreen.doctor.broker_checks import examine_broker
from tbscreen.doctor.canary_checks import examine_canaries
from tbscreen.doctor.certificate_checks import examine_certificates
from tbscreen.doctor.check import Check, Health
from tbscreen.doctor.film_checks import examine_films, examine_reports
from tbscreen.doctor.gateway_process import find_listener
from tbscreen.doctor.message_checks import examine_messages, examine_receivers
from tbscreen.doctor.notice_checks import examine_notice_receivers, examine_notices
from tbscreen.doctor.pull_checks import examine_pulled, examine_pulls
from tbscreen.doctor.referral_checks import examine_referral
from tbscreen.doctor.settings_checks import examine_settings_file
from tbscreen.doctor.shipped_checks import examine_shipped
from tbscreen.doctor.tracing_checks import examine_tracing
from tbscreen.models.trust import describe_trust
from tbscreen.settings import Settings, find_source
from worker.bundle_cache import BundleCache

OLD_BACKUP: Final = timedelta(days=2)

PROBE_S: Final = 10.0
"""Longest wait for the answer of a DICOMweb peer."""


def examine(settings: Settings) -> Iterator[Check]:
    """Yield one check after the other, as they come in."""
    yield from examine_settings_file()
    yield _examine_data_directory(settings)
    yield from _examine_database(settings)
    yield from examine_broker(settings)
    yield from _examine_gateway(settings)
    yield from examine_certificates(settings)
    yield from _examine_peers(settings)
    yield from examine_receivers(settings)
    yield from examine_notice_receivers(settings)
    yield from examine_answers(settings)
    yield from examine_pulls(settings)
    yield from examine_tracing(settings)


def _examine_data_directory(settings: Settings) -> Check:
    directory = settings.data_directory.resolve()
    part = "data directory"
    if not directory.is_dir():
        return Check(
            part,
            Health.BAD,
            f"{directory} does not exist",
            "run 'tbscreen serve', which makes it, or set TBSCREEN_DATA_DIRECTORY",
        )
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            os.fsync(file.fileno())
    except OSError as error:
        return Check(
            part,
            Health.BAD,
            f"{directory} cannot be written: {error.strerror}",
            "give this user the right to write there",
        )
    free = shutil.disk_usage(directory).free
    if free < settings.gateway.reserved_disk_bytes:
        return Check(
            part,
            Health.BAD,
            f"{free / 1e9:.1f} GB free; C-STORE answers 0xA700 below "
            f"{settings.gateway.reserved_disk_bytes / 1e9:.1f} GB",
            "free some space, or lower gateway.reserved_disk_bytes",
        )
    return Check(part, Health.GOOD, f"{directory}, {free / 1e9:.0f} GB free")


def _examine_database(settings: Settings) -> Iterator[Check]:
    with closing(Database.open(settings.database_settings())) as database:
        try:
            version = database.check()
        except DatabaseAwayError as error:
            finding = f"{database.place} does not answer: {error.reason}"
            yield Check(
                "database", Health.BAD, finding, f"start it, or correct {find_source('database_url')}"
            )
            return
        here, newest = schema.find_revision(database), schema.newest_revision()
        if schema.is_behind(database):
            yield Check(
                "database",
                Health.BAD,
                f"{version}, at migration {here or 'none'}, newest is {newest}",
                "run 'tbscreen db upgrade'",
            )
            return
        yield Check("database", Health.GOOD, f"{version}, migration {here}")
        yield _examine_page(settings, database)
        yield _examine_bundle(database)
        yield from examine_shipped(database)
        yield from examine_referral(settings, database)
        yield from examine_films(database)
        yield from examine_canaries(database)
        yield examine_reports(database)
        yield from examine_messages(database)
        yield from examine_notices(database)
        yield _examine_backup(database)
        yield from examine_doubted(database)
        yield from examine_unanswered(database)
        yield from examine_pulled(database)


def _examine_page(settings: Settings, database: Database) -> Check:
    with database.read() as session:
        people = [user for user in users.list_users(session) if not user.disabled]
    web = settings.web
    where = f"{web.scheme}://{web.host}:{web.port}"
    if not people:
        return Check(
            "page", Health.NOTE, f"{where}; no user can log in", "run 'tbscreen users add NAME --role admin'"
        )
    if web.allow_unencrypted and web.scheme == "http":
        advice = "give web.tls_certificate and web.tls_key, unless a TLS proxy is all that reaches it"
        return Check("page", Health.NOTE, f"{where}, unencrypted; users: {len(people)}", advice)
    return Check("page", Health.GOOD, f"{where}; users: {len(people)}")


def _examine_backup(database: Database) -> Check:
    with database.read() as session:
        newest = backup_log.find_newest(session)
    advice = "make a folder, and run 'tbscreen backup FOLDER/' each night"
    if newest is None:
        return Check("backup", Health.NOTE, "none was made yet", advice)
    finding = f"the newest is of {newest:%Y-%m-%d %H:%M} UTC"
    if now() - newest > OLD_BACKUP:
        return Check("backup", Health.BAD, f"{finding}, more than two days ago", advice)
    return Check("backup", Health.GOOD, finding)


def _examine_bundle(database: Database) -> Check:
    with database.read() as session:
        active = bundles.find_active(session)
    if active is None:
        return Check(
            "model bundle", Health.BAD, "none is active; films wait", "run 'tbscreen models activate DIGEST'"
        )
    with tempfile.TemporaryDirectory() as folder:
        try:
            BundleCache(Path(folder), database).open(active.digest)
        except PermanentError as error:
            return Check(
                "model bundle", Health.BAD, str(error), "register it again: 'tbscreen models add FOLDER'"
            )
    what = f"{active.name} {active.version}, {active.digest[:12]}"
    if not active.trained:
        return Check(
            "model bundle",
            Health.NOTE,
            f"{what}: untrained, its scores mean nothing",
            "activate a trained bundle",
        )
    with database.read() as session:
        is_known = bool(admissions.find_golden_scores(session, active.digest))
        trust = describe_trust(session, active.digest)
    if trust is None or not is_known:
        missing = "no trusted site key has signed it" if trust is None else "its golden scores are not known"
        advice = f"'tbscreen models activate {active.digest[:12]}' examines it and says what is missing"
        return Check("model bundle", Health.NOTE, f"{what}: {missing}", advice)
    return Check("model bundle", Health.GOOD, f"{what}; {trust}")


def _examine_gateway(settings: Settings) -> Iterator[Check]:
    gateway = settings.gateway
    if gateway.accept_plain:
        yield _call_gateway(settings, gateway.port, "gateway.port", encrypted=False)
    if gateway.tls is not None:
        yield _call_gateway(settings, gateway.tls.port, "gateway.tls.port", encrypted=True)
    if gateway.dicomweb is not None:
        yield _call_dicomweb(gateway, gateway.dicomweb)


def _call_dicomweb(gateway: GatewaySettings, web: DicomwebSettings) -> Check:
    part = "gateway by DICOMweb"
    if web.port == 0:
        finding = "gateway.dicomweb.port is 0, any free port: not checked"
        return Check(part, Health.NOTE, finding, "give it a port")
    host = "127.0.0.1" if web.host in EVERYWHERE else web.host
    place = f"[{host}]:{web.port}" if ":" in host else f"{host}:{web.port}"
    own = gateway.tls
    tls = None if own is None else PeerTlsSettings(ca=own.certificate, check_host_name=False)
    url = f"{'http' if tls is None else 'https'}://{place}/dicom-web"
    ourselves = PeerSettings(name="gateway", protocol=PeerProtocol.DICOMWEB, url=url, tls=tls)
    trouble = probe(ourselves, PROBE_S)
    if trouble is None:
        return Check(part, Health.GOOD, f"{url} answers")
    return Check(part, Health.BAD, f"{url}: {trouble}", "run 'tbscreen serve' or 'tbscreen gateway'")


def _call_gateway(settings: Settings, port: int, key: str, *, encrypted: bool) -> Check:
    gateway = settings.gateway
    part = "gateway over TLS" if encrypted else "gateway"
    if port == 0:
        return Check(part, Health.NOTE, f"{key} is 0, any free port: not checked", "give it a port")
    ourselves = describe_own_port(gateway, port, encrypted=encrypted)
    titles = [*gateway.allowed_calling_ae_titles, *(caller.ae_title for caller in gateway.callers)]
    caller = next((title for title in titles if title), gateway.ae_title)
    answer = verify(ourselves, caller)
    trouble = answer.trouble
    where = f"AE title {gateway.ae_title}, port {port}"
    if trouble is not None and trouble.startswith(REJECTED) and (gateway.callers or titles):
        finding = f"{where} listens, and does not let this host in: gateway.callers"
        return Check(part, Health.NOTE, finding, "send a C-ECHO from a node that may call")
    if trouble is not None:
        return Check(part, Health.BAD, f"{where}: {trouble}", "run 'tbscreen serve' or 'tbscreen gateway'")
    answers = f"{where}, {answer.implementation or 'an unnamed implementation'}, answers C-ECHO"
    process = find_listener(port)
    if process is None:
        return Check(part, Health.GOOD, f"{answers}; this user cannot see whose process it is")
    if process.spool != spool_directory(settings.data_directory.resolve()):
        finding = f"{answers}, but not for {settings.data_directory.resolve()}: {process}"
        return Check(part, Health.BAD, finding, f"end that process, or change {key}")
    return Check(part, Health.GOOD, f"{answers}: {process}")


def _examine_peers(settings: Settings) -> Iterator[Check]:
    if not settings.peers:
        yield Check(
            "peers",
            Health.NOTE,
            "none: reports are stored and not sent",
            "add [[peers]] to the settings file",
        )
    for peer in settings.peers:
        is_web = peer.protocol is PeerProtocol.DICOMWEB
        trouble = probe(peer, PROBE_S) if is_web else echo(peer, settings.courier.ae_title)
        where = peer.where
        if trouble is None:
            answers = "answers; no object was sent" if is_web else "answers C-ECHO"
            yield Check(f"peer {peer.name}", Health.GOOD, f"{where} {answers}")
        else:
            told = (
                "correct url, token or certificate" if is_web else f"tell it of {settings.courier.ae_title}"
            )
            yield Check(
                f"peer {peer.name}",
                Health.BAD,
                f"{where}: {trouble}",
                f"start it, or {told}; reports wait meanwhile",
            )
