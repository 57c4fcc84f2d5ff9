"""An association that ends in the middle of a dataset leaves no file, which pynetdicom's own does."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE, _config, evt

from dicom_gateway.association.film_stream import COMMAND, LAST
from dicom_gateway.association.pynetdicom_repairs.dataset_file import drop_unfinished, find_dataset_file
from tests.films import read, small_film
from tests.servers.ports import wait_until
from tests.unit.dicom_gateway.raw_pdus import encode_command, encode_pdu


@pytest.mark.parametrize(("handlers", "left"), [([(evt.EVT_CONN_CLOSE, drop_unfinished)], 0), ([], 1)])
def test_half_a_dataset_leaves_no_file(
    handlers: list[Any], left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(incoming))
    monkeypatch.setattr(_config, "STORE_RECV_CHUNKED_DATASET", True)
    film = small_film(tmp_path)
    header = read(film)
    ae = AE()
    ae.add_supported_context(header.SOPClassUID, header.file_meta.TransferSyntaxUID)
    ae.add_requested_context(header.SOPClassUID, header.file_meta.TransferSyntaxUID)
    ended: list[bool] = []
    begun: list[Any] = []
    server: Any = ae.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[*handlers, (evt.EVT_CONN_OPEN, begun.append)]
    )
    server.bind(evt.EVT_ABORTED, lambda event: ended.append(True))
    association = ae.associate("127.0.0.1", server.server_address[1])
    assert association.is_established
    transport: Any = association.dul.socket
    transport.socket.sendall(encode_pdu((COMMAND | LAST, encode_command(film))))
    transport.socket.sendall(encode_pdu((0, b"half of it")))
    wait_until(lambda: len(list(incoming.iterdir())) == 1, 20, "the dataset has a file")
    wait_until(lambda: find_dataset_file(begun[0].assoc) is not None, 20, "its file is known")
    found = find_dataset_file(begun[0].assoc)
    assert found is not None
    assert [found.path] == [str(path) for path in incoming.iterdir()]

    association.abort()
    wait_until(lambda: bool(ended) and not begun[0].assoc.is_alive(), 20, "the association has ended")
    server.shutdown()
    found.file.close()  # where the repair has not closed it
    assert len(list(incoming.iterdir())) == left
