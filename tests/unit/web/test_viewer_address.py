"""Addresses of a site's own viewer."""

from __future__ import annotations

import pytest

from web.viewer_address import check_template, fill_template


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("https://pacs.example/v?study={study_instance_uid}", "https://pacs.example/v?study=1.2.3"),
        ("weasis:?id={patient_id}&a={accession_number}", "weasis:?id=P%2F%201%26x%3D2%22&a="),
    ],
)
def test_values_are_encoded(template: str, expected: str) -> None:
    values = {"study_instance_uid": "1.2.3", "patient_id": 'P/ 1&x=2"', "accession_number": None}
    assert fill_template(check_template(template), **values) == expected


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("pacs.example/{patient_id}", "begins with neither"),
        ("JavaScript:alert('{patient_id}')", "begins with neither"),
        ("https://pacs.example/", "must name the study"),
        ("https://pacs.example/{name}", "must name the study"),
        ("https://pacs.example/{patient_id.__class__}", "must name the study"),
        ("https://pacs.example/{patient_id!r}", "must name the study"),
        ("https://pacs.example/{patient_id", "the fields are"),
    ],
)
def test_an_address_that_shows_no_study_is_refused(template: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_template(template)
