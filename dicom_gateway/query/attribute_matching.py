"""The matching rules of a query (PS3.4 C.2.2.2), which compare an attribute's values with a key.

- universal: a key without a value, or of asterisks alone, matches every attribute, empty ones included;
- list of UID: a UI key with one or several values;
- range: DA, TM and DT keys with a hyphen; without a hyphen, all values within the key's precision;
- wildcard: `*` and `?` in the text VRs;
- single value: all other keys, case-sensitive.

Person names (PN) are compared without case and accents. A key with `=` is compared group by group; a key in
Latin letters with the first component group that is not empty, any other key with each group. Empty
components at the end of a group are ignored. A text key with several values matches when one of them matches,
and so does an attribute with several values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from functools import partial
from typing import Final

from db.worklist.search_keys import fold_letters
from db.worklist.wildcards import compile_patterns
from domain.errors import PermanentError

Matcher = Callable[[Sequence[str]], bool]
"""Returns True when an attribute with these values matches; an empty attribute has no values."""

TEXT_VRS: Final = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
"""VRs with wildcard matching (PS3.4 C.2.2.2.4)."""


class Matching(StrEnum):
    """Matching of an attribute, with the names of PS3.4 C.2.2.2."""

    UNIVERSAL = "universal"
    """The attribute is returned and never compared; a key with a value is an error."""
    SINGLE = "single value"
    WILDCARD = "single value, wildcard"
    LIST = "list of UID"
    RANGE = "single value, range"
    SEQUENCE = "sequence"


class KeyValueError(PermanentError):
    """A key's value is invalid; the identifier is refused (0xA900). Permanent. The text holds no value."""


def compile_key(vr: str, values: Sequence[str]) -> Matcher | None:
    """Return the matcher of a key; None for universal matching.

    Args:
        vr: value representation (PS3.5 6.2).
        values: the key's values, without padding.

    Raises:
        KeyValueError: when the VR does not allow the value.
    """
    values = [value for value in values if value]
    if not values or all(set(value) == {"*"} for value in values):
        return None
    if vr == "UI":
        return _compile_uids(values)
    if vr in _READERS:
        spans = [_read_range(_READERS[vr], vr, value) for value in values]
        return partial(_is_within, _READERS[vr], spans)
    if vr == "PN":
        return _compile_names(values)
    if vr in TEXT_VRS:
        matches = compile_patterns(values)
        return lambda found: any(matches(value) for value in found)
    allowed = frozenset(values)
    return lambda found: not allowed.isdisjoint(found)


def _compile_uids(values: Sequence[str]) -> Matcher:
    if not all(re.fullmatch(r"[0-9.]{1,64}", value) for value in values):
        raise KeyValueError("a UID key holds digits and dots, at most 64")
    allowed = frozenset(values)
    return lambda found: not allowed.isdisjoint(found)


# ---- dates and times -------------------------------------------------------------------------------------

Span = tuple[str, str]
"""First and last moment of a value, as texts in the order of the moments."""


def _read_date(text: str) -> Span:
    if not re.fullmatch(r"[0-9]{8}", text):
        raise KeyValueError("a date is YYYYMMDD")
    return text, text


def _read_time(text: str) -> Span:
    found = re.fullmatch(r"([01][0-9]|2[0-3])(?:([0-5][0-9])(?:([0-5][0-9]|60)(?:\.([0-9]{1,6}))?)?)?", text)
    if found is None:
        raise KeyValueError("a time is HHMMSS.FFFFFF or its beginning")
    whole = "".join(part or "" for part in found.groups())
    return whole + "000000000000"[len(whole) :], whole + "235959999999"[len(whole) :]


def _read_moment(text: str) -> Span:
    """Read a moment in UTC; without an offset it is in this host's time zone (PS3.5 6.2, VR DT)."""
    found = re.fullmatch(r"([0-9]{4,14})(?:\.([0-9]{1,6}))?([+-][0-9]{4})?", text)
    if found is None or len(found[1]) % 2 or (found[2] and len(found[1]) < 14):
        raise KeyValueError("a moment is YYYYMMDDHHMMSS.FFFFFF&ZZXX or its beginning")
    digits, fraction, offset = found[1], found[2] or "", found[3]
    first = digits + "00000101000000"[len(digits) :] + (fraction + "000000")[:6]
    last = digits + "00001231235959"[len(digits) :] + (fraction + "999999")[:6]
    if len(digits) == 6:
        last = _end_month(digits) + last[8:]
    try:
        return _to_utc(first, offset), _to_utc(last, offset)
    except (ValueError, OverflowError):
        raise KeyValueError("the moment does not exist") from None


def _end_month(digits: str) -> str:
    year, month = int(digits[:4]), int(digits[4:])
    if not (1 <= month <= 12 and 1 <= year < 9999):
        raise KeyValueError("the month does not exist")
    following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return f"{following - timedelta(days=1):%Y%m%d}"


def _to_utc(digits: str, offset: str | None) -> str:
    moment = datetime.strptime(digits, "%Y%m%d%H%M%S%f")
    if offset is None:
        return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S%f")
    away = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
    if away > timedelta(hours=14):
        raise ValueError("no such offset")
    zone = timezone(-away if offset[0] == "-" else away)
    return moment.replace(tzinfo=zone).astimezone(UTC).strftime("%Y%m%d%H%M%S%f")


_READERS: Final[dict[str, Callable[[str], Span]]] = {"DA": _read_date, "TM": _read_time, "DT": _read_moment}


def _read_range(read: Callable[[str], Span], vr: str, value: str) -> Span:
    """Return the span of a key: its own precision, or a range that may be open at one end."""
    if "-" not in value:
        return read(value)
    if vr == "DT":
        # A hyphen may belong to an offset, so the value is tried as a single moment first.
        for at in [None, *(found.start() for found in re.finditer("-", value))]:
            try:
                return read(value) if at is None else _join(read, value[:at], value[at + 1 :])
            except KeyValueError:
                continue
        raise KeyValueError("a range of moments is two moments and a hyphen")
    first, _, last = value.partition("-")
    return _join(read, first, last)


def _join(read: Callable[[str], Span], first: str, last: str) -> Span:
    first, last = first.strip(), last.strip()
    if not first and not last:
        raise KeyValueError("a range has at least one end")
    return (read(first)[0] if first else ""), (read(last)[1] if last else "~")


def _is_within(read: Callable[[str], Span], spans: Sequence[Span], found: Sequence[str]) -> bool:
    for value in found:
        try:
            moment = read(value)[0]
        except KeyValueError:  # the header holds a malformed date or time
            continue
        if any(first <= moment <= last for first, last in spans):
            return True
    return False


# ---- person names ----------------------------------------------------------------------------------------


def is_latin(text: str) -> bool:
    """True when a text is ASCII apart from accents, so that it can only be an alphabetic name."""
    return fold_letters(text).isascii()


def _split_name(name: str) -> list[str]:
    groups = []
    for group in name.split("="):
        components = [component.strip() for component in fold_letters(group).split("^")]
        while components and not components[-1]:
            components.pop()
        groups.append("^".join(components))
    return groups


def _compile_names(values: Sequence[str]) -> Matcher:
    tests = [_compile_name(value) for value in values]
    return lambda found: any(test(_split_name(name)) for name in found for test in tests)


def _compile_name(value: str) -> Callable[[list[str]], bool]:
    groups = _split_name(value)
    if len(groups) == 1:
        matches = compile_patterns(groups)
        if is_latin(value):
            return lambda name: matches(next((group for group in name if group), ""))
        return lambda name: any(matches(group) for group in name)
    patterns = [compile_patterns([group]) if group else None for group in groups]

    def match_by_group(name: list[str]) -> bool:
        padded = name + [""] * (len(patterns) - len(name))
        return all(test is None or test(group) for test, group in zip(patterns, padded, strict=False))

    return match_by_group
