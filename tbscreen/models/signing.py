"""Site keys: Ed25519 keys (RFC 8032) that sign bundles, in files of their own.

A private key is PEM (PKCS #8), encrypted by a passphrase unless its owner wants none, and readable for its
owner alone. The public key lies beside it, in `NAME.pub`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from domain.bundle.seal import Seal, Signature, serialize_signed
from domain.errors import PermanentError

PUBLIC: Final = ".pub"
SHORTEST_PASSPHRASE: Final = 12


def make_key(path: Path, passphrase: str | None) -> str:
    """Write a new private key, mode 0600, and its public key beside it; return the public key.

    Args:
        path: a new file.
        passphrase: encrypts the private key; None leaves it readable for whoever reads the file.

    Raises:
        PermanentError: when a file is there already, or the passphrase is too short.
    """
    if passphrase is not None and len(passphrase) < SHORTEST_PASSPHRASE:
        raise PermanentError(f"a passphrase has {SHORTEST_PASSPHRASE} characters or more")
    key = Ed25519PrivateKey.generate()
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase.encode())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for file, content, mode in ((path, private, 0o600), (_locate_public(path), public, 0o644)):
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError:
            raise PermanentError(f"{file} exists: a key never takes the place of another") from None
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
    return _name(key.public_key())


def load_private_key(path: Path, passphrase: str | None) -> Ed25519PrivateKey:
    """Read a private key.

    Raises:
        PermanentError: when others may read the file, the passphrase is wrong or missing, or it holds no such
            key.
    """
    content = _read(path)
    if path.stat().st_mode & 0o077:
        raise PermanentError(f"{path} can be read by others: chmod 600 {path}")
    try:
        key = load_pem_private_key(content, None if passphrase is None else passphrase.encode())
    except TypeError:  # the library's word for a passphrase too few or too many
        wanted = (
            "has a passphrase: name its file with --passphrase-file"
            if passphrase is None
            else "has no passphrase"
        )
        raise PermanentError(f"{path} {wanted}") from None
    except ValueError:
        raise PermanentError(f"{path} is not a private key, or the passphrase is another one") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise PermanentError(f"{path} is not an Ed25519 key: 'tbscreen keys create' makes one")
    return key


def read_public_key(path: Path) -> str:
    """Return the public key in a PEM file as 64 hexadecimal digits.

    Raises:
        PermanentError: when the file holds no Ed25519 public key.
    """
    try:
        key = load_pem_public_key(_read(path))
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise PermanentError(f"{path} holds no Ed25519 public key: name the file that ends in {PUBLIC}")
    return _name(key)


def sign(seal: Seal, key: Ed25519PrivateKey) -> Seal:
    """Return the seal with a signature by this key, in place of an older one by the same key."""
    public_key = _name(key.public_key())
    signature = Signature(
        public_key=public_key,
        signature=key.sign(serialize_signed(seal.bundle, seal.golden_scores)).hex(),
        signed_at=datetime.now(UTC).replace(microsecond=0),
    )
    others = tuple(other for other in seal.signatures if other.public_key != public_key)
    return seal.model_copy(update={"signatures": (*others, signature)})


def is_signed(digest: str, golden_scores: Sequence[float], signature: Signature) -> bool:
    """True when a signature is one of this bundle and these golden scores by the key that it names."""
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.public_key))
    try:
        key.verify(bytes.fromhex(signature.signature), serialize_signed(digest, golden_scores))
    except InvalidSignature:
        return False
    return True


def _locate_public(path: Path) -> Path:
    return path.with_name(path.name + PUBLIC)


def _name(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PermanentError(f"{path} cannot be read: {error.strerror}") from None
