"""Preparation of one film: judges, decodes and normalizes it; returns a refusal, or the workers' array."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset

from dicom_gateway.dataset_header import NotUnderstoodError, read_header
from dicom_gateway.pixels.grey_transforms import GreyTransforms
from dicom_gateway.pixels.radiograph import UndecodableError, read_rendering
from dicom_gateway.pixels.rendering import Display, NotAnXrayError, Rendering
from dicom_gateway.pixels.rendition import Rendition
from dicom_gateway.preparation.content_digest import digest_content
from dicom_gateway.rules import eligibility, own_object
from dicom_gateway.rules.decision import Decision
from dicom_gateway.settings import GatewaySettings
from domain.array.array_statistics import ArrayStatistics
from domain.array.image_guard import shipped_network
from domain.array.normalization import FilmArray, normalize_strips
from domain.array.upright import UprightFilm, find_upright
from domain.codes import Doubt, Observation, Refusal

OWN_RULE: Final = "own-output"

PICTURED: Final = frozenset({Refusal.NOT_FRONTAL, Refusal.UNDER_AGE})
"""Refusals of chest films that a person reads: they get a rendition, as do all films that the image guard
refuses. Films of other parts of the body would only fill the database."""

BLACK: Final = 0.02
"""Value below which a pixel of the array counts as black: collimated, or outside the film."""


@dataclass(frozen=True)
class Preparation:
    """Result for a film: a refusal, some with a rendition, or an array with its rendition."""

    refusal: Refusal | None
    detail: str
    doubts: tuple[Doubt, ...] = ()
    rule: str = ""
    """Name of the rule that decided; empty where no rule applied."""
    array: FilmArray | None = None
    rendition: bytes = b""
    """JPEG; empty for a refused film without one."""
    pixel_digest: str | None = None
    """SHA-256 of the decoded pixels, hexadecimal."""
    observations: tuple[Observation, ...] = ()
    """Properties judged from the pixels and not from the header."""
    transforms: GreyTransforms | None = None
    """From stored values to the rendition; None for a colour picture."""
    content_digest: str | None = None
    """SHA-256 of what is the same in any encoding of the film (`content_digest`), hexadecimal."""


UNJUDGED: Final = Preparation(Refusal.PROCESSING_FAILED, "the header refuses nothing", rule="pixels")
"""Answer for a film of which only the header was read, and whose pixels would have to be judged."""


def prepare(
    path: Path,
    calling_ae_title: str,
    settings: GatewaySettings,
    own_digests: Collection[str] = (),
    *,
    header_only: bool = False,
) -> Preparation:
    """Judge a film by its header, decode and normalize it, and judge it by its pixels.

    Args:
        path: a DICOM file.
        calling_ae_title: AE title of the sender.
        settings: the site's rules.
        own_digests: digests of tbscreen's own objects that this file may be (`own_object.digest_sent`).
        header_only: decode nothing: for a film whose decoder crashed or hung.

    Returns:
        A refusal, or the array (float32 (256, 256), 0..1). A JPEG of at most 1024 pixels a side is with the
        array and, if the pixels can be decoded, with refusals in `PICTURED` and the image guard's. With
        `header_only` the refusal by the header, else `PROCESSING_FAILED`.
    """
    decision: Decision | None = None
    try:
        header = read_header(path)
        own = _recognize(path, header.dataset, own_digests)
        if own is not None:
            return own
        decision = eligibility.judge(header.dataset, str(header.transfer_syntax), calling_ae_title, settings)
        if header_only:
            return _refuse(decision) if decision.refusal is not None else UNJUDGED
        if decision.refusal is not None and not (settings.image_guard and decision.contested is not None):
            return _refuse(decision, _picture(path) if decision.refusal in PICTURED else b"")
        rendering = read_rendering(path)
        array, rendition = show(rendering)
    except (UndecodableError, NotUnderstoodError, NotAnXrayError) as error:
        if decision is not None and decision.refusal is not None:
            return _refuse(decision)
        refusal = Refusal.NOT_AN_XRAY if isinstance(error, NotAnXrayError) else Refusal.UNDECODABLE
        return Preparation(refusal, str(error), rule="pixels")
    if settings.image_guard:
        decision, array = settle(decision, array)
        if decision.refusal is not None:
            is_pictured = decision.refusal in PICTURED or decision.rule == eligibility.GUARD_RULE
            return _refuse(decision, rendition if is_pictured else b"")
    pixel_digest = rendering.digest()
    judgements = (*decision.doubts, *decision.observations)
    return Preparation(
        None,
        decision.explanation,
        decision.doubts,
        decision.rule,
        array,
        rendition,
        pixel_digest,
        decision.observations,
        rendering.transforms,
        digest_content(header.dataset, pixel_digest, array, judgements),
    )


def settle(decision: Decision, array: FilmArray) -> tuple[Decision, FilmArray]:
    """Combine the decision by header with the pixels; return it with the array, turned upright if need be."""
    network = shipped_network()
    # A film that the header refuses is not turned: only one that is upright as it came contests the header.
    film = (
        find_upright(array, network) if decision.refusal is None else UprightFilm(array, network.judge(array))
    )
    settled = eligibility.judge_pixels(decision, film.opinion)
    if settled.refusal is not None:
        return settled, array
    return replace(settled, observations=(*settled.observations, *film.observations)), film.array


def _refuse(decision: Decision, rendition: bytes = b"") -> Preparation:
    return Preparation(decision.refusal, decision.explanation, rule=decision.rule, rendition=rendition)


def _picture(path: Path) -> bytes:
    """Return the rendition of a film that its header refuses; empty when its pixels cannot be decoded."""
    try:
        return show(read_rendering(path))[1]
    except (UndecodableError, NotUnderstoodError, NotAnXrayError):
        return b""


def _recognize(path: Path, header: Dataset, own_digests: Collection[str]) -> Preparation | None:
    """Return the refusal of an object that tbscreen made, or says that it made; None for a film."""
    claims = own_object.names_tbscreen(header)
    if own_digests:
        try:
            digest = own_object.digest_file(path)
        except Exception:  # noqa: BLE001  what cannot be read is not what was sent
            digest = None
        if digest in own_digests:
            return Preparation(Refusal.OWN_OUTPUT, "an object that tbscreen made", rule=OWN_RULE)
    if claims:
        detail = "names tbscreen as its manufacturer, and is not what this tbscreen sent"
        return Preparation(Refusal.NOT_AN_XRAY, detail, rule=OWN_RULE)
    return None


def show(rendering: Rendering) -> tuple[FilmArray, bytes]:
    """Return the array, float32 (256, 256) in 0..1, and the JPEG rendition.

    Raises:
        NotAnXrayError: when all pixels have one value.
    """
    rendition = Rendition(rendering.shape)

    def add_each() -> Iterator[Display]:
        for strip in rendering.strips():
            rendition.add(strip)
            yield strip

    return normalize_strips(add_each()), rendition.encode()


def measure_greys(array: FilmArray) -> ArrayStatistics:
    """Return mean, standard deviation and share of black of an array (float32 (256, 256), 0..1)."""
    return ArrayStatistics(float(array.mean()), float(array.std()), float((array < BLACK).mean()))
