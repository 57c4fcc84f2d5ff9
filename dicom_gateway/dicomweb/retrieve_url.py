"""Retrieve URL (0008,1190): the address of a study, series or instance on a DICOMweb service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.requests import Request

from dicom_gateway.dicomweb.dicomweb_settings import DicomwebSettings

PATH: Final = "/dicom-web"
"""Path of the DICOMweb service on the port."""


@dataclass(frozen=True)
class RetrieveUrls:
    """The base URLs of this gateway and of the PACS that keeps the films."""

    here: str
    archive: str
    """Empty where the settings name none."""

    def find(self, is_here: bool, study: str, series: str = "", instance: str = "") -> str:
        """Return the address of a resource; that of the archive for what is not here, empty without one."""
        base = self.here if is_here else self.archive
        if not base:
            return ""
        levels = (("studies", study), ("series", series), ("instances", instance))
        return base + "".join(f"/{name}/{quote(uid, safe='')}" for name, uid in levels if uid)


def make_urls(request: Request, settings: DicomwebSettings) -> RetrieveUrls:
    """Return the base URLs for the answer to a request."""
    here = settings.public_url or str(request.base_url).rstrip("/") + PATH
    return RetrieveUrls(here, settings.retrieve_url)
