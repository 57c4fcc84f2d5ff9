"""The installed packages as a software bill of materials (CycloneDX 1.6)."""

from __future__ import annotations

from importlib.metadata import Distribution, distributions
from typing import Final

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

OSI: Final = "License :: OSI Approved :: "
LONGEST: Final = 80
"""Characters of a licence's name; longer ones are the licence itself."""


def make_bill(version: str) -> tuple[str, dict[str, str]]:
    """Return the bill as JSON, and the licence of each package by its name.

    Args:
        version: of tbscreen.
    """
    licences = LicenseFactory()
    main = Component(name="tbscreen", version=version, type=ComponentType.APPLICATION)
    bom = Bom()
    bom.metadata.component = main
    found: dict[str, str] = {}
    parts = []
    for dist in sorted(distributions(), key=lambda dist: dist.metadata["Name"].lower()):
        name = dist.metadata["Name"].lower().replace("_", "-")
        if name == "tbscreen" or name in found:
            continue
        found[name] = read_licence(dist)
        part = Component(
            name=name,
            version=dist.version,
            type=ComponentType.LIBRARY,
            purl=PackageURL("pypi", name=name, version=dist.version),
            licenses=[licences.make_from_string(found[name])] if found[name] else [],
        )
        bom.components.add(part)
        parts.append(part)
    bom.register_dependency(main, parts)
    return JsonV1Dot6(bom).output_as_string(indent=1), found


def read_licence(dist: Distribution) -> str:
    """Return the name or the SPDX expression of a package's licence; empty where it gives none."""

    def read(field: str) -> list[str]:
        return [str(text) for text in dist.metadata.get_all(field) or ()]

    classifiers = [text.removeprefix(OSI) for text in read("Classifier") if text.startswith(OSI)]
    for named in (*read("License-Expression"), *classifiers):
        return named
    text = "".join(read("License")[:1]).strip().partition("\n")[0]
    return text if len(text) <= LONGEST and text != "UNKNOWN" else ""
