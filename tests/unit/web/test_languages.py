"""The language of a page: the user's, the site's, the browser's, or English."""

from __future__ import annotations

from html import escape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from db.database import Database
from domain.languages import catalogue
from domain.languages.catalogue import load_catalogue
from domain.languages.sentence import say
from domain.notices import NOT_VERIFIED
from tests.unit.web.browsers import let_in, read_csrf, try_to_log_in
from tests.unit.web.conftest import HERE
from web.application import build_application
from web.settings import WebSettings


def find_language(page: str) -> str:
    return page.partition('<html lang="')[2].partition('"')[0]


def test_the_browser_chooses_and_the_tag_differs(stranger: TestClient) -> None:
    tags = set()
    for asked, given in (("fr-CH, en;q=0.5", "fr"), ("hi", "hi"), ("de", "en"), ("en", "en")):
        answer = stranger.get("/login", headers={"Accept-Language": asked})
        assert find_language(answer.text) == answer.headers["Content-Language"] == given
        assert answer.headers["Vary"] == "Accept-Language, Cookie"
        assert 'dir="ltr"' in answer.text
        assert NOT_VERIFIED in answer.text, "the sentence stays in English beside its translation"
        assert escape(load_catalogue(given).translate(say(NOT_VERIFIED))) in answer.text
        tags.add(answer.headers["ETag"])
    assert len(tags) == 3


@pytest.mark.parametrize(
    "header", ["fr;q=nan", '"><script>', "*;q=" + "9" * 500, "hi-" * 5000, "en_US.UTF-8"]
)
def test_a_hostile_accept_language_is_answered(stranger: TestClient, header: str) -> None:
    answer = stranger.get("/login", headers={"Accept-Language": header})
    assert answer.status_code == 200
    assert "<script>" not in answer.text


def test_the_site_goes_before_the_browser_and_the_user_before_both(peopled: Database) -> None:
    site = build_application(peopled, "1.2.3", WebSettings(language="hi"))
    with TestClient(site, base_url=HERE, headers={"Accept-Language": "fr", "Accept": "text/html"}) as client:
        assert find_language(client.get("/login").text) == "hi"
        let_in(client, peopled)
        page = client.get("/account").text
        assert find_language(page) == "hi"
        form = {"csrf": read_csrf(page), "language": "fr"}
        chosen = client.post("/account/language", data=form)
        assert find_language(chosen.text) == "fr"
        missing = client.get("/studies/9999")
        assert (missing.status_code, find_language(missing.text)) == (404, "fr"), "errors, too"
        other = client.post("/account/language", data={**form, "language": "tlh"})
        assert (other.status_code, find_language(client.get("/").text)) == (400, "fr")
        client.post("/account/language", data={**form, "language": ""})
        assert find_language(client.get("/").text) == "hi"


def test_a_message_of_python_is_translated_on_the_page_and_english_for_programs(
    stranger: TestClient, peopled: Database
) -> None:
    stranger.headers["Accept-Language"] = "fr"
    refused = try_to_log_in(stranger, "rosa", "wrong")
    assert "Le nom ou le mot de passe est incorrect." in refused.text
    let_in(stranger, peopled)
    page = stranger.get("/report", headers={"Accept": "text/html"})
    assert page.status_code in (403, 404)
    assert "Votre rôle, lecteur, ne le permet pas." in page.text
    program = stranger.get("/api/v1/worklist")
    assert program.json()["title"] == "Unauthorized"


def test_catalogues_are_read_once(stranger: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "CATALOGUES", Path("/nowhere"))
    for language in ("fr", "hi"):
        assert stranger.get("/login", headers={"Accept-Language": language}).status_code == 200
