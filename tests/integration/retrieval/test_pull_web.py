"""Films are pulled by QIDO-RS and WADO-RS: from an Orthanc, from another tbscreen, from faulty services."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from db.database import Database
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.retrieval.pull_association import (
    AnswerError,
    Calling,
    CutShortError,
    PeerAwayError,
    PeerRefusesError,
)
from dicom_gateway.retrieval.pull_settings import PullScheduleSettings
from dicom_gateway.retrieval.pull_web import PullWeb
from dicom_gateway.retrieval.study_query import list_series
from dicom_gateway.settings import PeerProtocol, PeerSettings
from domain.roles import Permission
from tbscreen.doctor.check import Health
from tbscreen.doctor.pull_checks import examine_pulls
from tbscreen.settings import Settings
from tests.films import dataset_offset, read
from tests.integration import listening
from tests.integration.retrieval.pulls import (
    FAST,
    gateway,
    list_here,
    list_rows,
    list_studies,
    make_film,
    make_week,
    pull,
    put,
    states,
)
from tests.integration.test_audit import records, trail
from tests.servers.pacs import dicomweb_plugin, orthanc
from tests.servers.peers.stow_requests import encode_body, encode_part, make_token, post
from tests.servers.ports import free_port


def web_peer(url: str, token_file: Path | None = None) -> PeerSettings:
    return PeerSettings(name="pacs", protocol=PeerProtocol.DICOMWEB, url=url, token_file=token_file)


@contextmanager
def service(answer: Callable[[str], tuple[int, dict[str, str], bytes]]) -> Iterator[str]:
    """Run a service that answers as `answer` says; yields its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def test_the_chest_films_of_the_days_come_from_orthanc(sqlite_database: Database, tmp_path: Path) -> None:
    with (
        orthanc(tmp_path / "orthanc", further=dicomweb_plugin()) as server,
        gateway(sqlite_database, tmp_path / "spool", free_port()) as place,
    ):
        first = make_film(tmp_path, "20261101", 1)
        study = read(first).StudyInstanceUID
        second = make_film(tmp_path, "20261101", 2, StudyInstanceUID=study, BodyPartExamined=None)
        third = make_film(tmp_path, "20261107", 3)
        wanted = sorted(put(server, first, second, third))
        put(server, make_film(tmp_path, "20261104", 4, BodyPartExamined="HAND"))
        put(server, make_film(tmp_path, "20261031", 5), make_film(tmp_path, "20261104", 7, Modality="MG"))
        peer = web_peer(f"http://127.0.0.1:{server.http_port}/dicom-web")

        progress = pull(place, peer)

        assert list_here(sqlite_database) == wanted
        assert (progress.found, progress.complete, progress.unwanted, progress.films) == (3, 2, 1, 3)
        assert states(list_studies(sqlite_database)) == ["complete", "complete", "unwanted"]
        for row in list_rows(sqlite_database):
            assert (row.calling_ae_title, row.gateway, row.state) == ("pacs", "here", "received")
            path = place.spool.path(str(row.spool_path))
            assert path.stat().st_size - dataset_offset(path) > 512 * 512 * 2, "whole and durable"
        assert list(place.spool.incoming.iterdir()) == []

        again = pull(place, peer)
        assert (again.found, again.here, again.films) == (3, 3, 0)
        new = put(server, make_film(tmp_path, "20261101", 9, StudyInstanceUID=study))
        later = pull(place, peer)
        assert (later.here, later.complete, later.films) == (2, 1, 1), "only what is new in a study comes"
        assert list_here(sqlite_database) == sorted(wanted + new)

        schedule = PullScheduleSettings(name="new", peer="pacs")
        (check,) = examine_pulls(
            Settings(peers=[peer.model_dump(exclude_unset=True)], pulls=[schedule.model_dump()])
        )
        assert (check.health, check.finding) == (Health.GOOD, "pacs answers QIDO-RS")


def test_a_list_that_is_cut_is_asked_for_by_halves(
    sqlite_database: Database, postgresql_database: Database, tmp_path: Path
) -> None:
    films = make_week(tmp_path)
    token_file = tmp_path / "token"
    token_file.write_text(make_token(postgresql_database, "PULLER", [Permission.WORKLIST]))
    storing = make_token(postgresql_database)
    few = {"dicomweb": {"port": 0}, "query": {"maximum_answers": 2}}
    with (
        listening.gateway(postgresql_database, tmp_path / "other", 0, **few) as other,
        gateway(sqlite_database, tmp_path / "spool", free_port()) as place,
    ):
        port = other.scp.dicomweb_port
        assert port is not None
        assert post(port, encode_body(films), storing).status == 200
        progress = pull(place, web_peer(f"http://127.0.0.1:{port}/dicom-web", token_file))
    assert list_here(sqlite_database) == sorted(str(read(film).SOPInstanceUID) for film in films)
    assert (progress.found, progress.complete, progress.films) == (6, 6, 6)


@pytest.mark.parametrize(
    ("status", "headers", "body", "error"),
    [
        (401, {}, b"", PeerRefusesError),
        (503, {}, b"", PeerAwayError),
        (500, {}, b"", AnswerError),
        (302, {"Location": "http://127.0.0.1:1/"}, b"", AnswerError),
        (413, {}, b"", CutShortError),
        (200, {}, b"<html>", AnswerError),
        (200, {}, b'{"a": 1}', AnswerError),
        (200, {}, b"[" * 100_000, AnswerError),
        (200, {"Content-Length": "99"}, b"[]", PeerAwayError),
        (
            200,
            {"Warning": '299 x "There are additional results that can be requested"'},
            b"[]",
            CutShortError,
        ),
    ],
)
def test_an_answer_that_is_no_list_is_told_apart(
    status: int, headers: dict[str, str], body: bytes, error: type[Exception]
) -> None:
    calling = Calling("TBSCREEN", "TBSCREEN", "auto", 2)
    with service(lambda _: (status, headers, body)) as url, pytest.raises(error):
        list_series(PullWeb(web_peer(url), calling, None), "1.2.3")


def test_values_that_are_none_are_left_out() -> None:
    odd = {
        "0020000E": {"vr": "UI", "Value": ["1.2.3.4", {"a": 1}]},
        "00080060": ["CR"],
        "00180015": {"Value": 5},
    }
    calling = Calling("TBSCREEN", "TBSCREEN", "auto", 2)
    with service(lambda _: (200, {}, json.dumps([odd, {}]).encode())) as url:
        (series,) = list_series(PullWeb(web_peer(url), calling, None), "1.2.3")
    assert (series.series_instance_uid, series.modality, series.body_part) == ("1.2.3.4", "", "")


def test_a_film_of_another_study_and_a_body_that_ends_early_are_not_taken(
    sqlite_database: Database, tmp_path: Path
) -> None:
    film, other = make_film(tmp_path, number=1), make_film(tmp_path, number=2)
    header = read(film)
    uids = {"0020000D": header.StudyInstanceUID, "0020000E": header.SeriesInstanceUID}
    uids |= {"00080018": header.SOPInstanceUID, "00080060": header.Modality}
    match = {tag: {"vr": "UI", "Value": [str(uid)]} for tag, uid in uids.items()}
    half = encode_part(film.read_bytes()) + encode_part(other.read_bytes())[:70_000]
    bodies = [encode_body([other]), encode_body([film])[:70_000], half]
    sent = iter(bodies)
    kind = 'multipart/related; type="application/dicom"; boundary=film-by-film'

    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        if "?" in path:
            return 200, {}, json.dumps([match]).encode()
        return 200, {"Content-Type": kind}, next(sent, b"")

    with (
        service(answer) as url,
        gateway(sqlite_database, tmp_path / "spool", free_port()) as place,
    ):
        progress = pull(place, web_peer(url), settings=FAST.model_copy(update={"maximum_attempts": 1}))
        assert (progress.failed, progress.films) == (1, 0)
        assert list_rows(sqlite_database) == []
        pull(place, web_peer(url), settings=FAST.model_copy(update={"maximum_attempts": 2}))
        assert list(place.spool.incoming.iterdir()) == []
    assert list_here(sqlite_database) == [str(header.SOPInstanceUID)], "what came whole is here"


def test_searches_of_a_pull_are_audited(tmp_path: Path) -> None:
    audit: AuditTrail = trail(tmp_path / "audit")
    calling = Calling("TBSCREEN", "TBSCREEN", "auto", 2, audit)
    with service(lambda _: (204, {}, b"")) as url:
        assert list_series(PullWeb(web_peer(url), calling, None), "1.2.3") == []
    audit.close()
    ((name, message),) = records(tmp_path / "audit")
    assert name == "Query"
    sides = [user.attrib for user in message.findall("ActiveParticipant")]
    asked = {side["AlternativeUserID"]: side["UserIsRequestor"] for side in sides}
    assert asked == {"AETITLES=TBSCREEN": "true", "AETITLES=pacs": "false"}
