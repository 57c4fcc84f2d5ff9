"""Bundles that do not compute, or that nobody vouches for, are not used."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import h5py
import numpy as np
import pytest

from db.database import Database
from domain.bundle.manifest import MANIFEST, STRUCTURE
from domain.bundle.seal import locate_seal
from tbscreen.models import examination
from tbscreen.models.default_bundle import register_bundle
from tests.servers.audit_schema import check
from tests.unit.tbscreen.conftest import Cli, assert_one_line
from tests.unit.tbscreen.models.test_films_at_hand import screen
from tests.unit.worker.networks import write_model, write_network

pytestmark = pytest.mark.usefixtures("examined_here")

PASSPHRASE = "correct horse battery"
Change = Callable[[Path], None]


def write_changed(folder: Path, change: Change) -> Path:
    """Write a bundle with a convolution, change its files, and fit the digests in its manifest to them."""
    import keras

    films = keras.Input((256, 256, 1), name="film")
    edges = keras.layers.Conv2D(4, 3, strides=16, activation="relu", name="edges")(films)
    mean = keras.layers.GlobalAveragePooling2D(name="mean")(edges)
    scores = keras.layers.Dense(1, activation="sigmoid", name="scores")(mean)
    copy = write_model(folder / "copy", keras.Model(films, scores, name="small")).directory
    change(copy)
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest |= {"version": "1.0.1", "files": {name: hash_file(copy / name) for name in manifest["files"]}}
    (copy / MANIFEST).write_text(json.dumps(manifest))
    return copy


def hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def list_datasets(file: Any) -> list[Any]:
    found: list[Any] = []
    file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    return [item for item in found if item.dtype.kind == "f"]


def clear_weights(folder: Path) -> None:
    with h5py.File(folder / "model.weights.h5", "a") as file:
        for item in list_datasets(file):
            item[...] = np.zeros(item.shape, item.dtype)


def spoil_a_layer(folder: Path) -> None:
    with h5py.File(folder / "model.weights.h5", "a") as file:
        item = next(item for item in list_datasets(file) if item.ndim == 4)
        item[...] = np.full(item.shape, np.nan, item.dtype)


def link_elsewhere(folder: Path) -> None:
    with h5py.File(folder / "model.weights.h5", "a") as file:
        item = next(item for item in list_datasets(file) if item.ndim == 4)
        name, parent = item.name, item.parent
        del parent[name]
        parent[name] = h5py.ExternalLink("/etc/passwd", "/weights")


def add_a_giant(folder: Path) -> None:
    graph = json.loads((folder / STRUCTURE).read_text())
    layer = next(layer for layer in graph["config"]["layers"] if layer["class_name"] == "Conv2D")
    layer |= {"class_name": "Dense", "config": {"name": layer["config"]["name"], "units": 2_000_000_000}}
    (folder / STRUCTURE).write_text(json.dumps(graph))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (clear_weights, "gives all of 256 different arrays the score"),
        (spoil_a_layer, "values that are not finite numbers"),
        (link_elsewhere, "a link to another place or file"),
        (add_a_giant, "has units 2000000000; the limit is 65536"),
    ],
    ids=["all weights 0", "NaN in a layer", "external link", "two thousand million units"],
)
def test_a_bundle_that_does_not_compute_is_not_added(
    quick_cli: Cli, installed: Database, tmp_path: Path, change: Change, said: str
) -> None:
    folder = write_changed(tmp_path, change)
    assert_one_line(quick_cli("models", "add", str(folder)), said)
    assert len(json.loads(quick_cli("models", "list", "--json").stdout)) == 1


def test_a_bundle_that_an_earlier_version_let_in_is_examined_before_it_is_active(
    quick_cli: Cli, installed: Database, tmp_path: Path
) -> None:
    digest, _ = register_bundle(installed, write_changed(tmp_path, clear_weights))
    run = quick_cli("models", "activate", digest, "--trust", "it looks fine")
    assert_one_line(run, "gives all of 256 different arrays the score")
    assert json.loads(quick_cli("models", "show", digest, "--json").stdout)["trusted"] is None


def read_audit(place: Path) -> list[str]:
    """Return the alerts in the audit trail of the commands, after they were checked against the schema."""
    alerts = []
    (trail,) = place.rglob("command.log")
    for line in trail.read_text().splitlines():
        message = fromstring(line)
        check(message)
        (detail,) = message.iterfind(".//ParticipantObjectDetail")
        alerts.append(b64decode(detail.attrib["value"]).decode())
    return alerts


def test_a_bundle_is_used_for_a_reason_that_is_recorded_or_not_at_all(
    quick_cli: Cli, installed: Database, place: Path, tmp_path: Path
) -> None:
    bundle = write_network(tmp_path / "bundle", weight=4.0)
    added = quick_cli("models", "add", str(bundle.directory))
    assert added.returncode == 0, added.stderr
    assert "its golden scores were made here" in added.stdout
    assert "not trusted: no trusted site key has signed it" in added.stdout
    for words in ((), ("--shadow",), ("--force", "to try it")):
        assert_one_line(quick_cli("models", "activate", bundle.digest, *words), "is not trusted")
    assert_one_line(quick_cli("models", "activate", bundle.digest, "--trust", " "), "needs a reason")
    words = ("models", "activate", bundle.digest, "--trust", "we trained it", "--force", "to try it")
    activated = quick_cli(*words)
    assert activated.returncode == 0, activated.stderr
    assert "no film of this site is at hand" in activated.stdout
    shown = json.loads(quick_cli("models", "show", bundle.digest, "--json").stdout)
    assert shown["trusted"].endswith(": we trained it")
    assert shown["admission"]["trust"] == "reason"
    assert shown["admission"]["golden_origin"] == "examination"
    back = quick_cli("models", "rollback")
    assert back.returncode == 0, back.stderr
    added, used, returned = read_audit(place)
    assert added == f"bundle {bundle.digest} added; not trusted"
    assert used.startswith(f"bundle {bundle.digest} activated; ")
    assert used.endswith(": we trained it; forced: to try it")
    assert returned.endswith(" activated by a rollback")


def test_a_bundle_without_a_reason_to_trust_it_is_refused_before_it_is_examined(
    quick_cli: Cli, installed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_network(tmp_path / "bundle").directory
    digest, _ = register_bundle(installed, folder)
    monkeypatch.setattr(examination, "ask_child", lambda *_: pytest.fail("Keras would load"))
    for words, said in (
        (("activate", digest), "is not trusted"),
        (("activate", digest, "--trust", " "), "needs a reason"),
        (("add", str(folder), "--trust", " "), "needs a reason"),
    ):
        assert_one_line(quick_cli("models", *words), said)


def test_both_networks_score_the_films_of_the_site(
    quick_cli: Cli, installed: Database, tmp_path: Path
) -> None:
    for number in range(3):
        screen(installed, number, None)
    bundle = write_network(tmp_path / "bundle", weight=4.0)
    assert quick_cli("models", "add", str(bundle.directory), "--trust", "ours").returncode == 0
    activated = quick_cli("models", "activate", bundle.digest, "--force", "to try it")
    assert activated.returncode == 0, activated.stderr
    assert "both networks scored 3 films of this site: " in activated.stdout


def test_a_bundle_is_trusted_as_long_as_the_key_that_signed_it(
    quick_cli: Cli, installed: Database, place: Path
) -> None:
    bundle = write_network(place / "bundle", weight=4.0)
    (place / "words").write_text(PASSPHRASE + "\n")
    made = quick_cli("keys", "create", "site.key", "--passphrase-file", "words")
    assert made.returncode == 0, made.stderr
    assert (place / "site.key").stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in (place / "site.key").read_bytes()
    sealed = quick_cli("models", "seal", "bundle", "--key", "site.key", KEY_PASSPHRASE=PASSPHRASE)
    assert sealed.returncode == 0, sealed.stderr
    key = made.stdout.split()[0]
    assert f"signed by {key}" in sealed.stdout

    assert "not trusted" in quick_cli("models", "add", "bundle").stdout, "nobody trusts the key yet"
    trusted = quick_cli("keys", "trust", "site.key.pub", "--name", "training host", "--reason", "it is ours")
    assert trusted.returncode == 0, trusted.stderr
    shown = json.loads(quick_cli("models", "show", bundle.digest, "--json").stdout)
    assert shown["trusted"] == f"signed with the key training host ({key})"
    assert shown["admission"]["golden_origin"] == "seal"
    assert "training host" in quick_cli("keys", "list").stdout
    assert quick_cli("models", "activate", bundle.digest, "--force", "to try it").returncode == 0

    assert quick_cli("models", "rollback").returncode == 0
    assert quick_cli("keys", "revoke", "training host", "--reason", "it was copied").returncode == 0
    refused = quick_cli("models", "activate", bundle.digest, "--force", "to try it")
    assert_one_line(refused, "no trusted site key has signed it")
    assert "revoked" in quick_cli("keys", "list").stdout
    keys = [alert for alert in read_audit(place) if alert.startswith("site key ")]
    assert [alert.partition(" (")[2] for alert in keys] == [
        "training host) trusted: it is ours",
        "training host) revoked: it was copied",
    ]


@pytest.mark.parametrize("forged", ["signature", "golden scores"])
def test_a_forged_seal_is_no_signature(quick_cli: Cli, installed: Database, place: Path, forged: str) -> None:
    write_network(place / "bundle", weight=4.0)
    quick_cli("keys", "create", "site.key", "--no-passphrase")
    quick_cli("keys", "trust", "site.key.pub", "--name", "ours", "--reason", "it is ours")
    assert quick_cli("models", "seal", "bundle", "--key", "site.key").returncode == 0
    path = locate_seal(place / "bundle")
    seal = json.loads(path.read_text())
    if forged == "signature":
        signature = seal["signatures"][0]["signature"]
        seal["signatures"][0]["signature"] = ("0" if signature[0] != "0" else "1") + signature[1:]
    else:
        seal["golden_scores"][0] += 0.001  # within the tolerance, so that the network passes
    path.write_text(json.dumps(seal))
    added = quick_cli("models", "add", "bundle")
    assert added.returncode == 0, added.stderr
    assert "not trusted" in added.stdout


def test_a_bundle_that_gives_other_scores_than_its_seal_is_not_added(
    quick_cli: Cli, installed: Database, place: Path
) -> None:
    bundle = write_network(place / "bundle", weight=4.0)
    other = write_network(place / "other", weight=5.0)
    seal = {"format": 1, "bundle": other.digest, "golden_scores": [0.5] * 16, "signatures": []}
    path = locate_seal(bundle.directory)
    path.write_text(json.dumps(seal))
    assert_one_line(quick_cli("models", "add", "bundle"), f"is the seal of bundle {other.digest[:12]}")
    path.write_text(json.dumps({**seal, "bundle": bundle.digest}))
    assert_one_line(quick_cli("models", "add", "bundle"), "other scores than when the bundle was made")
    path.write_text(json.dumps({**seal, "bundle": bundle.digest, "golden_scores": ["x"]}))
    assert_one_line(quick_cli("models", "add", "bundle"), "is not a seal: golden_scores.0")


def test_no_passphrase_stands_on_a_command_line(quick_cli: Cli, place: Path) -> None:
    for words in (("keys", "create"), ("models", "seal")):
        text = quick_cli(*words, "--help").stdout
        assert "--passphrase-file" in text
        assert "--passphrase " not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "new.key"), "say --no-passphrase"),
        (("create", "new.key", "--passphrase-file", "short"), "12 characters or more"),
        (("create", "new.key", "--passphrase-file", "none"), "cannot be read"),
        (("create", "there.key", "--no-passphrase"), "never takes the place of another"),
        (("trust", "there.key", "--name", "x", "--reason", "y"), "holds no Ed25519 public key"),
        (("trust", "there.key.pub", "--name", " ", "--reason", "y"), "1 to 64 characters"),
        (("trust", "there.key.pub", "--name", "x", "--reason", " "), "--reason is not empty"),
        (("revoke", "nobody", "--reason", "y"), "0 trusted keys are 'nobody'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_mistake_with_keys_is_one_clear_line(
    quick_cli: Cli, installed: Database, place: Path, words: tuple[str, ...], said: str
) -> None:
    (place / "short").write_text("secret\n")
    assert quick_cli("keys", "create", "there.key", "--no-passphrase").returncode == 0
    assert_one_line(quick_cli("keys", *words), said)


@pytest.mark.parametrize("mistake", ["others may read it", "wrong passphrase", "no passphrase", "no key"])
def test_a_private_key_that_cannot_be_used_is_one_clear_line(
    quick_cli: Cli, place: Path, mistake: str
) -> None:
    write_network(place / "bundle", weight=4.0)
    assert quick_cli("keys", "create", "site.key", KEY_PASSPHRASE=PASSPHRASE).returncode == 0
    given, said = {"KEY_PASSPHRASE": PASSPHRASE}, "can be read by others: chmod 600"
    if mistake == "others may read it":
        (place / "site.key").chmod(0o640)
    elif mistake == "wrong passphrase":
        given, said = {"KEY_PASSPHRASE": "another passphrase"}, "or the passphrase is another one"
    elif mistake == "no passphrase":
        given, said = {}, "has a passphrase: name its file with --passphrase-file"
    else:
        (place / "site.key").write_bytes(b"no key")
        said = "is not a private key"
    assert_one_line(quick_cli("models", "seal", "bundle", "--key", "site.key", **given), said)
    assert not locate_seal(place / "bundle").exists()
