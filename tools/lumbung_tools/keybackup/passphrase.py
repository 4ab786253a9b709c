"""Opening an age file that a passphrase seals (age-encryption.org/v1, recipient type scrypt).

Sealing is pyrage's. Opening is not: it measures the machine first and refuses a file whose scrypt would take it more
than some seconds, so that a backup from a quick machine did not open on a slow or busy one, the day it was needed.
Stock age opens these files as well.

    age-encryption.org/v1
    -> scrypt SALT LOG2_N          base64 without padding
    BODY                           the file key (16 B), wrapped
    --- MAC
    nonce 16 B, then chunks of 64 KiB with a tag of 16 B each
"""

from __future__ import annotations

import base64
import re

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from lumbung_cluster.errors import KeyRefused

__all__ = ["LOG2_N_MAX", "open_with_passphrase"]

LOG2_N_MAX = 22  # as stock age: 4 GiB and half a minute; a forged file must not ask for more
_HEADER = re.compile(
    rb"(age-encryption\.org/v1\n-> scrypt ([A-Za-z0-9+/]{22}) ([1-9][0-9]?)\n([A-Za-z0-9+/]{43})\n---) "
    rb"([A-Za-z0-9+/]{43})\n"
)
_SALT_LABEL = b"age-encryption.org/v1/scrypt"
_KEY_BYTES, _NONCE_BYTES, _TAG_BYTES, _CHUNK_BYTES = 32, 16, 16, 65_536


def open_with_passphrase(sealed: bytes, passphrase: str) -> bytes:
    """The plaintext. Raises KeyRefused for another passphrase, damaged bytes, or another kind of age file."""
    found = _HEADER.match(sealed)
    if found is None:
        raise KeyRefused("backup: expected an age file under a passphrase, got another kind or a damaged head")
    head, salt, body, mac = found[1], _base64(found[2]), _base64(found[4]), _base64(found[5])
    log2_n = int(found[3])
    if log2_n > LOG2_N_MAX:
        raise KeyRefused(f"backup: expected a scrypt work factor up to {LOG2_N_MAX}, got {log2_n}")
    wrap = Scrypt(salt=_SALT_LABEL + salt, length=_KEY_BYTES, n=1 << log2_n, r=8, p=1).derive(passphrase.encode())
    try:
        file_key = ChaCha20Poly1305(wrap).decrypt(bytes(12), body, None)
        check = HMAC(_derived(file_key, None, b"header"), SHA256())
        check.update(head)
        check.verify(mac)
        return _open_payload(file_key, sealed[found.end() :])
    except (InvalidTag, InvalidSignature, ValueError) as exc:
        raise KeyRefused("backup: expected its passphrase and undamaged bytes, got another or others") from exc


def _open_payload(file_key: bytes, payload: bytes) -> bytes:
    """Raises InvalidTag for a changed or cut end, ValueError for none at all."""
    stream = ChaCha20Poly1305(_derived(file_key, payload[:_NONCE_BYTES], b"payload"))
    sealed_bytes = _CHUNK_BYTES + _TAG_BYTES
    chunks = [payload[at : at + sealed_bytes] for at in range(_NONCE_BYTES, len(payload), sealed_bytes)]
    if not chunks:
        raise ValueError("no chunk")
    last = len(chunks) - 1
    nonces = (number.to_bytes(11, "big") + bytes([number == last]) for number in range(len(chunks)))
    return b"".join(stream.decrypt(nonce, chunk, None) for nonce, chunk in zip(nonces, chunks, strict=True))


def _derived(key: bytes, salt: bytes | None, label: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=salt, info=label).derive(key)


def _base64(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4))
