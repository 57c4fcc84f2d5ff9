"""The sections on the Search and Retrieve transactions (PS3.18 10.6, 10.4)."""

from __future__ import annotations

from typing import Final

from dicom_gateway.conformance.markdown import write_table
from dicom_gateway.dataset_header import MAX_JSON_VALUE_BYTES
from dicom_gateway.dicomweb.accept_header import DICOM, MULTIPART
from dicom_gateway.dicomweb.application import FRAMES_TARGET, RETRIEVE_TARGETS, SEARCH_TARGETS
from dicom_gateway.dicomweb.film_frames import MEDIA_TYPES
from dicom_gateway.dicomweb.retrieve_url import PATH
from dicom_gateway.dicomweb.search_parameters import PIXELS
from dicom_gateway.dicomweb.store_answer import JSON
from dicom_gateway.query.query_settings import QuerySettings

SEARCH_STATUSES: Final = {
    200: "Matches, in the order of the worklist. A Warning header (299) says that there are more, or that a "
    "parameter was ignored.",
    204: "No match.",
    400: "A value that its attribute cannot have, a value for an attribute that is never compared, or a "
    "`limit` or `offset` that is no number.",
    413: "More studies would have to be examined than `gateway.query.maximum_examined`.",
}
"""Search (PS3.18 10.6.3); 401, 403, 404, 406 and 503 are as for Retrieve."""

RETRIEVE_STATUSES: Final = {
    200: "All instances of the target, the metadata, or the frames.",
    206: "The instances of the target that are here; others are not. A Warning header counts them.",
    400: "A list of frames that is none, or names one twice.",
    401: "Neither a valid token nor a verified client certificate.",
    403: "The token or the certificate's entry lacks the permission `worklist`, or `gateway.callers` does "
    "not name the sender.",
    404: "Unknown here; or a frame that the instance lacks; or `gateway.query.enabled` is false.",
    406: "Accept names another media type or transfer syntax than that of the instance: nothing is decoded "
    "or encoded anew.",
    410: "Known, but the spool has let go of its file. The detail names the PACS of "
    "`gateway.dicomweb.retrieve_url`.",
    503: "Too many requests, or database away. Retry-After says when to try again.",
}
"""Retrieve (PS3.18 10.4.3)."""


def write_search(query: QuerySettings) -> str:
    """Return the section on Search."""
    targets = [(f"`GET {PATH}{target}`", level) for target, level in SEARCH_TARGETS.items()]
    pixels = ", ".join(attribute.keyword for attribute in PIXELS)
    return f"""\
### 9.4 Search, as origin server

{write_table(("target", "level"), targets)}

What C-FIND in the Study Root finds (4.5), and beside the films the objects of 5.2 that were made of them.
The answer is `{JSON}`. The attributes are those of Study Root (4.5); at level IMAGE also
{pixels}, which are not compared. They are named by keyword or tag, private ones by
tag in block 10 (`00771003`), and matched as on C-FIND; the values of UI and CS may be separated by commas,
too. Answers hold all attributes of their level, with those of the levels above that the target does not
name, so that `includefield` adds nothing. `limit` is at most {query.maximum_answers}
(`gateway.query.maximum_answers`); `fuzzymatching` is not supported.

Instance Availability (0008,0056) is ONLINE if every instance that an answer stands for can be retrieved
here, else UNAVAILABLE. Retrieve URL (0008,1190) is ours then, else that of the PACS
(`gateway.dicomweb.retrieve_url`) or empty.

{_write_statuses(SEARCH_STATUSES)}"""


def write_retrieve() -> str:
    """Return the section on Retrieve."""
    instance = f'`{MULTIPART}; type="{DICOM}"`'
    targets = [(f"`GET {PATH}{target}`", instance) for target in RETRIEVE_TARGETS]
    targets += [(f"`GET {PATH}{target}/metadata`", f"`{JSON}`") for target in RETRIEVE_TARGETS]
    kinds = ", ".join(f"`{kind}`" for kind in dict.fromkeys(MEDIA_TYPES.values()))
    targets.append((f"`GET {PATH}{FRAMES_TARGET}`", f"{MULTIPART} of {kinds}"))
    return f"""\
### 9.5 Retrieve, as origin server

{write_table(("target", "answer"), targets)}

The objects of 5.2 can be retrieved at any time, films while the spool of this gateway has their files
(`gateway.spool_retention_hours`); tbscreen is no archive. Instances and frames come as they are stored, a
single instance also as `{DICOM}`. Rendered images, thumbnails and bulk data are not offered.

Metadata of films come from the database and stay. They lack what it does not keep: pixels, overlays, lookup
tables, private elements, and values of more than {MAX_JSON_VALUE_BYTES} bytes.

{_write_statuses(RETRIEVE_STATUSES)}"""


def _write_statuses(statuses: dict[int, str]) -> str:
    return write_table(("status", "when"), [(str(status), text) for status, text in statuses.items()])
