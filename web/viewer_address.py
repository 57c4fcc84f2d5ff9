"""The address of a study in the site's own viewer (IHE RAD Invoke Image Display, study level)."""

from __future__ import annotations

import re
import string
from typing import Final
from urllib.parse import quote

FIELDS: Final = ("study_instance_uid", "accession_number", "patient_id")

SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
CONTENT: Final = frozenset({"javascript", "data", "vbscript", "blob", "file", "about"})
"""Schemes whose address is itself the content, or a local file."""


def check_template(template: str) -> str:
    """Return the template of an address.

    Raises:
        ValueError: for a template without a scheme or with one of `CONTENT`, and for one without fields or
            with others than `FIELDS`.
    """
    scheme = SCHEME.match(template)
    if scheme is None or scheme[1].lower() in CONTENT:
        raise ValueError(f"{template!r} begins with neither https: nor a viewer's scheme, such as weasis:")
    known = ", ".join(f"{{{name}}}" for name in FIELDS)
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{template!r}: {error}; the fields are {known}") from None
    fields = [
        name + (form or "") + (conversion or "") for _, name, form, conversion in parts if name is not None
    ]
    if not fields or not set(fields) <= set(FIELDS):
        raise ValueError(f"{template!r} must name the study by one or more of {known}, and by nothing else")
    return template


def fill_template(template: str, **values: str | None) -> str:
    """Return the address of a study.

    Args:
        template: checked.
        values: one for each of `FIELDS`; they are percent-encoded (RFC 3986).
    """
    return template.format_map({name: quote(values[name] or "", safe="") for name in FIELDS})
