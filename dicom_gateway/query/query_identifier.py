"""A C-FIND request's identifier: reads its keys, matches records and writes answers (PS3.4 C.2.2)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from dicom_gateway.query.attribute_matching import KeyValueError, Matcher, Matching, compile_key
from dicom_gateway.query.worklist_attributes import PRIVATE_CREATOR, PRIVATE_GROUP, Attribute
from domain.errors import PermanentError

MAXIMUM_KEYS: Final = 256
"""Most elements of an identifier; larger ones are refused."""

MAXIMUM_VALUES: Final = 1000
"""Most values of a key; identifiers with more are refused."""

ALWAYS: Final = frozenset({0x00080005, 0x00080052, 0x00080201})
"""Character set, level and time zone, which are parameters of the query and not keys."""


class IdentifierError(PermanentError):
    """The identifier does not match its SOP class (0xA900). Permanent. The text holds none of its values."""


@dataclass(frozen=True)
class QueryKey:
    """A supported attribute in an identifier."""

    attribute: Attribute
    tag: int
    """Tag in the identifier; a private element may be in another block."""
    values: tuple[str, ...] = ()
    matches: Matcher | None = None
    """Matcher of the key; None for universal matching."""
    items: tuple[QueryKey, ...] = ()
    """Keys of a sequence's item."""
    compared: bool = False
    """True when records are compared with the key."""


@dataclass(frozen=True)
class Query:
    """The keys of an identifier."""

    keys: tuple[QueryKey, ...]
    creators: dict[int, str] = field(default_factory=dict)
    """Private creators that answers repeat, by tag."""
    complete: bool = True
    """False when a key is not supported; it is ignored, and answers have status 0xFF01."""

    def find(self, keyword: str) -> QueryKey | None:
        """Return the key of this keyword; None when the identifier does not hold it."""
        return next((key for key in self.keys if key.attribute.keyword == keyword), None)

    def needs_headers(self) -> bool:
        """True when the films' headers are needed to match or answer."""
        return any(_needs_header(key) for key in self.keys)

    def matches(self, record: Any) -> bool:
        """True when the record matches every key."""
        return _match_all(self.keys, record)

    def answer(self, record: Any) -> Dataset:
        """Return the answer for a record, with the requested attributes alone (PS3.4 C.4.1.1.3.2)."""
        dataset = Dataset()
        dataset.SpecificCharacterSet = "ISO_IR 192"
        for tag, creator in self.creators.items():
            dataset.add_new(tag, "LO", creator)
        _write(dataset, self.keys, record)
        return dataset


def read_query(identifier: Dataset, attributes: Sequence[Attribute], ignored: Collection[int] = ()) -> Query:
    """Read the keys of an identifier.

    Args:
        identifier: of the request.
        attributes: those that are supported.
        ignored: tags of further elements that are no keys.

    Raises:
        IdentifierError: when a value is invalid, or there are too many elements or values.
    """
    if len(identifier) > MAXIMUM_KEYS:
        raise IdentifierError("the identifier has too many elements")
    known = {attribute.tag: attribute for attribute in attributes}
    creators, block = _find_block(identifier)
    keys, complete = [], True
    for element in identifier:
        tag = int(element.tag)
        if tag in ALWAYS or tag in creators or tag in ignored:
            continue
        attribute = known.get(_map_private(tag, block))
        if attribute is None:
            complete = False
        else:
            keys.append(_read_key(element, attribute))
    return Query(tuple(keys), creators, complete)


def _find_block(identifier: Dataset) -> tuple[dict[int, str], int | None]:
    """Return the private creator of our block by tag, and the block's number (PS3.5 7.8.1)."""
    for number in range(0x10, 0x100):
        tag = PRIVATE_GROUP << 16 | number
        if tag in identifier and _list_texts(identifier[tag]) == [PRIVATE_CREATOR]:
            return {tag: PRIVATE_CREATOR}, number
    return {}, None


def _map_private(tag: int, block: int | None) -> int:
    if tag >> 16 != PRIVATE_GROUP:
        return tag
    return (
        PRIVATE_GROUP << 16 | 0x1000 | tag & 0xFF if block is not None and (tag >> 8) & 0xFF == block else 0
    )


def _read_key(element: DataElement, attribute: Attribute) -> QueryKey:
    tag = int(element.tag)
    if attribute.matching is Matching.SEQUENCE:
        return _read_sequence_key(element, attribute)
    values = tuple(_list_texts(element))
    if len(values) > MAXIMUM_VALUES:
        raise IdentifierError(f"{attribute.keyword} has too many values")
    if any("\0" in value for value in values):
        raise IdentifierError(f"{attribute.keyword} holds a NUL")
    vr = attribute.value_representation
    try:
        matches = compile_key(
            vr, [value.upper() for value in values] if attribute.element and vr == "CS" else values
        )
    except KeyValueError as error:
        raise IdentifierError(f"{attribute.keyword}: {error}") from None
    if matches is not None and attribute.matching is Matching.UNIVERSAL:
        raise IdentifierError(f"{attribute.keyword} is returned and never compared")
    return QueryKey(attribute, tag, values, matches, compared=matches is not None)


def _read_sequence_key(element: DataElement, attribute: Attribute) -> QueryKey:
    """Read a sequence key (PS3.4 C.2.2.2.6). No item, or an empty one, is universal; several are an error."""
    items = list(element.value) if element.VR == "SQ" and element.value else []
    if element.VR != "SQ" and element.value:
        raise IdentifierError(f"{attribute.keyword} is a sequence")
    if len(items) > 1:
        raise IdentifierError(f"{attribute.keyword} holds one item at most")
    keys = read_query(items[0], attribute.items).keys if items else ()
    return QueryKey(attribute, int(element.tag), items=keys, compared=any(key.compared for key in keys))


def _list_texts(element: DataElement) -> list[str]:
    """Return an element's values as text without padding, for any VR that the sender gave it."""
    value = element.value
    if value is None or element.VR == "SQ":
        return []
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace").split("\\")
    elif isinstance(value, str) or not hasattr(value, "__iter__") or hasattr(value, "original_string"):
        value = [value]
    return ["" if part is None else str(part).strip(" \0") for part in value]


def _needs_header(key: QueryKey) -> bool:
    inner: Sequence[Attribute] = [item.attribute for item in key.items] or key.attribute.items
    return (
        key.attribute.header
        or any(attribute.header for attribute in inner)
        or any(map(_needs_header, key.items))
    )


def _list_values(attribute: Attribute, record: Any) -> list[str]:
    value = attribute.read(record)
    values = [value] if isinstance(value, str) else value or []
    if attribute.element and attribute.value_representation == "CS":
        values = [text.upper() for text in values]
    return [text for text in values if text]


def _match_all(keys: Sequence[QueryKey], record: Any) -> bool:
    return all(_match(key, record) for key in keys if key.compared)


def _match(key: QueryKey, record: Any) -> bool:
    if key.attribute.matching is Matching.SEQUENCE:
        return any(_match_all(key.items, item) for item in key.attribute.read(record) or ())
    assert key.matches is not None
    return key.matches(_list_values(key.attribute, record))


def _write(dataset: Dataset, keys: Sequence[QueryKey], record: Any) -> None:
    for key in keys:
        attribute = key.attribute
        if attribute.read(record) is None:
            continue
        if attribute.matching is Matching.SEQUENCE:
            dataset.add_new(BaseTag(key.tag), "SQ", _write_items(key, record))
        else:
            values = _list_values(attribute, record)
            dataset.add(_make_element(key.tag, attribute.value_representation, values))


def _make_element(tag: int, vr: str, values: Sequence[str]) -> DataElement:
    """Return an element with the values of a film's header; empty where its VR cannot hold them."""
    value: Any = list(values) if len(values) > 1 else values[0] if values else None
    try:
        if vr == "US" and values:
            value = int(values[0])
        return DataElement(BaseTag(tag), vr, value, validation_mode=IGNORE)
    except (ValueError, TypeError, OverflowError):
        return DataElement(BaseTag(tag), vr, None)


def _write_items(key: QueryKey, record: Any) -> list[Dataset]:
    item_keys = key.items or tuple(QueryKey(attribute, attribute.tag) for attribute in key.attribute.items)
    datasets = []
    for item in key.attribute.read(record) or ():
        dataset = Dataset()
        _write(dataset, item_keys, item)
        datasets.append(dataset)
    return datasets
