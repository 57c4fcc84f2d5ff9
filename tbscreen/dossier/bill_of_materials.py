"""The installed packages as a software bill of materials (CycloneDX 1.6)."""

from __future__ import annotations

from importlib.metadata import Distribution, distributions
from typing import Final

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import fixup_id
from packageurl import PackageURL

OSI: Final = "License :: OSI Approved :: "
SPDX: Final = {
    "MIT License": "MIT",
    "Apache License 2.0": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""SPDX identifiers by the names that packages use. Names that leave a version or a clause open stay."""
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
    """Return the SPDX expression of a package's licence, or else its name; empty where it gives none.

    A text that is an SPDX identifier goes before a classifier that leaves the version open.
    """

    def read(field: str) -> list[str]:
        return [str(text) for text in dist.metadata.get_all(field) or ()]

    classifiers = [text.removeprefix(OSI) for text in read("Classifier") if text.startswith(OSI)]
    text = "".join(read("License")[:1]).strip().partition("\n")[0]
    text = text if len(text) <= LONGEST and text != "UNKNOWN" else ""
    named = [*read("License-Expression"), *classifiers, text]
    known = [identifier for name in named if (identifier := SPDX.get(name) or fixup_id(name))]
    return next((name for name in (*read("License-Expression"), *known, *named) if name), "")
