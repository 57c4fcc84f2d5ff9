"""From C-STORE request to the SR stored in the peer, through the whole embedded stack.

    python -m benchmarks.round_trip [--films 40] [--associations 1 4] [--rows 2500 --columns 2048]

Each film is made from RG1 at full size, 16 bit, with UIDs and pixels of its own. The last line is one JSON
object: films, seconds, films_per_second, p50_ms, p95_ms and stages_ms (medians) for one association, and
the same for each other number of associations under `associations`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pynetdicom import AE, _config

from benchmarks.inputs.full_size_films import make_films
from db.worklist import worklist
from db.worklist.study_entries import StudyEntry
from tbscreen.demo.trial import Trial, trial
from tbscreen.machine import describe_machine
from tests.servers.ports import wait_until

TIMEOUT_S = 600.0


def send(installation: Trial, films: Sequence[Path], associations: int) -> dict[str, float]:
    """Send films to an installation (`send_films`)."""
    return send_films(installation.service.dicom_port, installation.service.ae_title, films, associations)


def send_films(port: int, ae_title: str, films: Sequence[Path], associations: int) -> dict[str, float]:
    """Send films over so many associations at once; returns when each request began, by SOP Instance UID."""
    _config.STORE_SEND_CHUNKED_DATASET = True
    began: dict[str, float] = {}
    lock = threading.Lock()

    def send_share(share: Sequence[Path]) -> None:
        ae = AE(ae_title="MODALITY")
        header = dcmread(share[0], stop_before_pixels=True)
        ae.add_requested_context(header.SOPClassUID, header.file_meta.TransferSyntaxUID)
        association = ae.associate("127.0.0.1", port, ae_title=ae_title)
        assert association.is_established, f"{ae_title} does not take the association"
        for path in share:
            uid = str(dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
            with lock:
                began[uid] = time.monotonic()
            status = association.send_c_store(path)
            assert status.Status == 0x0000, f"{ae_title} answers 0x{status.Status:04X}"
        association.release()

    shares = [films[number::associations] for number in range(associations)]
    with ThreadPoolExecutor(associations) as pool:
        list(pool.map(send_share, [share for share in shares if share]))
    return began


def _find_delivered(installation: Trial, films: int) -> Sequence[StudyEntry]:
    """Return the films' studies once the courier has recorded the deliveries, which the PACS has before."""
    found: Sequence[StudyEntry] = ()

    def are_recorded() -> bool:
        nonlocal found
        with installation.database.read() as session:
            found = worklist.find_page(session, limit=films).studies
        return all("deliver" in study.films[0].stages_ms for study in found)

    wait_until(are_recorded, TIMEOUT_S, "all deliveries are recorded")
    return found


def measure(films: Sequence[Path], associations: int, graphs: Path) -> dict[str, Any]:
    """Send all films through a fresh installation and wait for all reports.

    Args:
        films: files to send.
        associations: number of associations that share them.
        graphs: folder of the networks prepared for OpenVINO, which the next installation finds there.
    """
    with trial(tables=f'\n[worker]\ngraph_directory = "{graphs}"\n') as installation:
        began = send(installation, films, associations)
        if not installation.pacs.wait_for(len(films), TIMEOUT_S):
            raise SystemExit(f"only {len(installation.pacs.received)} of {len(films)} reports came back")
        arrivals: dict[str, float] = {}
        for path, moment in installation.pacs.received.values():
            evidence = dcmread(path).CurrentRequestedProcedureEvidenceSequence[0]
            reference = evidence.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
            arrivals[str(reference.ReferencedSOPInstanceUID)] = moment
        studies = _find_delivered(installation, len(films))
    latencies = sorted((arrivals[uid] - start) * 1000 for uid, start in began.items())
    seconds = max(arrivals.values()) - min(began.values())
    stages: dict[str, list[float]] = {}
    for study in studies:
        for stage, milliseconds in study.films[0].stages_ms.items():
            stages.setdefault(stage, []).append(milliseconds)
    return {
        "films": len(films),
        "seconds": round(seconds, 3),
        "films_per_second": round(len(films) / seconds, 2),
        "p50_ms": round(statistics.median(latencies), 1),
        "p95_ms": round(latencies[min(len(latencies) - 1, int(0.95 * len(latencies)))], 1),
        "stages_ms": {stage: round(statistics.median(values), 1) for stage, values in stages.items()},
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", type=int, default=40)
    parser.add_argument("--associations", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--rows", type=int, default=2500)
    parser.add_argument("--columns", type=int, default=2048)
    options = parser.parse_args()
    print(describe_machine())
    results: dict[int, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="tbscreen-films-") as folder:
        films = make_films(Path(folder), options.films, options.rows, options.columns)
        size = films[0].stat().st_size / 1e6
        print(f"{len(films)} films of {options.rows}×{options.columns}, 16 bit, {size:.1f} MB each")
        for associations in options.associations:
            result = results[associations] = measure(films, associations, Path(folder) / "graphs")
            print(
                f"{associations} association{'s' if associations > 1 else ''}: {result['seconds']} s, "
                f"{result['films_per_second']} films/s, p50 {result['p50_ms']} ms, p95 {result['p95_ms']} ms"
            )
    first = results[options.associations[0]]
    others = {str(number): result for number, result in results.items()}
    print(json.dumps({**first, "associations": others}))


if __name__ == "__main__":
    main()
