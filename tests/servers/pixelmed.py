"""PixelMed's validator of SR documents, which knows the templates of PS3.16."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from tests.servers.missing import find_program, skip_or_fail

FOLDER: Final = Path("/usr/share/java")
JARS: Final = (
    "pixelmed",
    "commons-codec",
    "commons-net",
    "hsqldb",
    "jaxb-api",
    "jmdns",
    "javax.json",
    "slf4j-api",
    "vecmath",
)
UNLIMITED: Final = ("TotalOp", "ExprOp", "ExprGrp")
"""XPath's limits of Java, which its stylesheets exceed."""


def find_remarks(file: Path) -> set[str]:
    """Return the errors and warnings about an SR: kind, the last content item of the path, and the remark.

    It takes ten to twenty seconds of CPU, since its stylesheets are compiled anew each time.
    """
    java = find_program("java")
    if java is None or not (FOLDER / "pixelmed.jar").is_file():
        skip_or_fail("PixelMed is not installed (Debian packages libpixelmed-java, default-jre-headless)")
    path = ":".join(str(FOLDER / f"{jar}.jar") for jar in JARS)
    limits = [f"-Djdk.xml.xpath{limit}Limit=0" for limit in UNLIMITED]
    # Its compiler for long runs takes more time than it saves.
    command = [
        java,
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        *limits,
        "-cp",
        path,
        "com.pixelmed.validate.DicomSRValidator",
        str(file),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    assert "IOD validation complete" in lines, done.stderr[-2000:]
    return {_shorten(line) for line in lines if line.startswith(("Error", "Warning"))}


def _shorten(line: str) -> str:
    """Return a remark without the path to its content item, of which the last step stays."""
    kind, _, rest = line.partition(":")
    path, _, remark = rest.rpartition("): ")
    return f"{kind}: ({path.rpartition('(')[2]}): {remark}"
