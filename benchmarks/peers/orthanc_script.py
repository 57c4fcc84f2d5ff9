"""The script that a hospital would write for itself: films from Orthanc's changes feed, SRs back.

    python -m benchmarks.peers.orthanc_script --orthanc http://127.0.0.1:8042 --bundle BUNDLE

pydicom decodes, `apply_voi_lut` windows, Pillow resizes, the Keras bundle runs in OpenVINO, highdicom writes
the SR, Orthanc's REST interface takes it. A thread for each core works on the films; the number of the last
change is kept in a file. Orthanc need not compress its answers: they stay on the host. It prints `ready`,
then a JSON line for each film: SOP Instance UID, and when the upload was answered (time.monotonic).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import requests
from highdicom import sr
from highdicom.sr.coding import CodedConcept
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

POLL_S = 0.1
THREADS = os.cpu_count() or 2
FINDING = CodedConcept("TBCXR", "99HOSPITAL", "Features suggestive of tuberculosis")
SCORE = CodedConcept("TBSCORE", "99HOSPITAL", "Score for tuberculosis")
LOCAL = threading.local()


def load_network(bundle: Path) -> Any:
    """Return the bundle's Keras model, compiled by OpenVINO."""
    import tensorflow as tf

    import networks.layers  # noqa: F401 - the layers of the bundle
    from networks.keras_library import load_keras

    model = load_keras().models.model_from_json((bundle / "model_structure.json").read_text())
    model.load_weights(bundle / "model.weights.h5")
    function = tf.function(model, input_signature=[tf.TensorSpec((1, 256, 256, 1), tf.float32)])
    graph = openvino.convert_model(function.get_concrete_function())
    return openvino.Core().compile_model(graph, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})


def normalize(film: Dataset) -> Any:
    """Return float32 (256, 256), 0..1."""
    values: Any = apply_voi_lut(apply_modality_lut(film.pixel_array, film), film).astype(np.float32)
    shown = (values - values.min()) / max(float(values.max() - values.min()), 1.0)
    if film.PhotometricInterpretation == "MONOCHROME1":
        shown = 1.0 - shown
    return np.asarray(Image.fromarray(shown).resize((256, 256), Image.Resampling.BOX))


def predict(network: Any, array: Any) -> float:
    """Return the score of an array, 0..1."""
    if not hasattr(LOCAL, "request"):
        LOCAL.request = network.create_infer_request()
    results = LOCAL.request.infer(array[np.newaxis, :, :, np.newaxis])
    return float(next(value for value in results.values() if value.size <= 2).ravel()[-1])


def make_report(film: Dataset, score: float) -> bytes:
    """Return an SR (TID 1500) of a film's score."""
    observer = sr.ObserverContext(
        codes.DCM.Device, sr.DeviceObserverIdentifyingAttributes(uid=generate_uid(), name="TB script")
    )
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=generate_uid(), identifier="TB"),
        measurements=[sr.Measurement(SCORE, round(100 * score, 2), codes.UCUM.Percent)],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(FINDING, codes.SCT.Present if score >= 0.5 else codes.SCT.Absent)
        ],
        source_images=[sr.SourceImageForMeasurementGroup(film.SOPClassUID, film.SOPInstanceUID)],
    )
    report = sr.ComprehensiveSR(
        evidence=[film],
        content=sr.MeasurementReport(
            observation_context=sr.ObservationContext(observer_device_context=observer),
            procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
            imaging_measurements=[group],
        )[0],
        series_instance_uid=generate_uid(),
        series_number=900,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="hospital",
    )
    buffer = io.BytesIO()
    report.save_as(buffer)
    return buffer.getvalue()


def screen(server: str, instance: str, network: Any) -> None:
    """Read a film from Orthanc, score it, and store its SR."""
    if not hasattr(LOCAL, "session"):
        LOCAL.session = requests.Session()
        LOCAL.session.headers["Accept-Encoding"] = "identity"
    answer = LOCAL.session.get(f"{server}/instances/{instance}/file", timeout=60)
    answer.raise_for_status()
    film = dcmread(io.BytesIO(answer.content))
    if film.Modality not in ("CR", "DX", "RG"):
        return
    report = make_report(film, predict(network, normalize(film)))
    LOCAL.session.post(f"{server}/instances", data=report, timeout=60).raise_for_status()
    print(json.dumps([str(film.SOPInstanceUID), time.monotonic()]), flush=True)


def main() -> None:
    """Follow the changes until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--orthanc", required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--last", type=Path, default=Path("last-change"))
    options = parser.parse_args()
    network = load_network(options.bundle)
    predict(network, np.zeros((256, 256), np.float32))
    session, last = requests.Session(), 0
    if options.last.exists():
        last = int(options.last.read_text())
    print("ready", flush=True)
    with ThreadPoolExecutor(THREADS) as pool:
        while True:
            page = session.get(f"{options.orthanc}/changes?since={last}&limit=100", timeout=60).json()
            new = [change["ID"] for change in page["Changes"] if change["ChangeType"] == "NewInstance"]
            list(pool.map(lambda instance: screen(options.orthanc, instance, network), new))
            last = page["Last"]
            options.last.write_text(str(last))
            if page["Done"]:
                time.sleep(POLL_S)


if __name__ == "__main__":
    main()
