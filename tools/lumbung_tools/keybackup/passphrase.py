"""age files under a passphrase (age-encryption.org/v1, recipient type scrypt), as stock age writes and opens them.

Not by pyrage, which seals everything else: it measures the machine and chooses the work by that. A busy machine then
gives a weak backup, and one from a quick machine does not open on a slow or busy one ("excessive work parameter"), the
day it is needed.

    age-encryption.org/v1
    -> scrypt SALT LOG2_N          base64 without padding
    BODY                           the file key (16 B), wrapped
    --- MAC
    nonce 16 B, then chunks of 64 KiB with a tag of 16 B each
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from lumbung_cluster.errors import KeyRefused

__all__ = ["LOG2_N", "LOG2_N_MAX", "PassphraseRefused", "open_with_passphrase", "seal_with_passphrase"]

LOG2_N = 18  # as stock age: 256 MiB and about a second for each guess
LOG2_N_MAX = 22  # as stock age: 4 GiB and half a minute; a forged file must not ask for more
_HEADER = re.compile(
    rb"(age-encryption\.org/v1\n-> scrypt ([A-Za-z0-9+/]{22}) ([1-9][0-9]?)\n([A-Za-z0-9+/]{43})\n---) "
    rb"([A-Za-z0-9+/]{43})\n"
)
_SALT_LABEL = b"age-encryption.org/v1/scrypt"
_KEY_BYTES, _SALT_BYTES, _NONCE_BYTES, _TAG_BYTES, _CHUNK_BYTES = 32, 16, 16, 16, 65_536


class PassphraseRefused(KeyRefused):
    """Another passphrase, or damaged bytes: the two cannot be told apart. Type it again, or take another copy."""


def seal_with_passphrase(plain: bytes, passphrase: str, log2_n: int = LOG2_N) -> bytes:
    """The sealed file. scrypt takes 128 B x 8 x 2^log2_n of memory while this runs."""
    file_key, salt, nonce = (secrets.token_bytes(_SALT_BYTES) for _ in range(3))
    body = ChaCha20Poly1305(_wrap_key(passphrase, salt, log2_n)).encrypt(bytes(12), file_key, None)
    lines = (b"age-encryption.org/v1", b"-> scrypt %s %d" % (_text(salt), log2_n), _text(body), b"---")
    head = b"\n".join(lines)
    stream = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
    chunks = [plain[at : at + _CHUNK_BYTES] for at in range(0, len(plain), _CHUNK_BYTES)] or [b""]
    sealed = (stream.encrypt(_place(number, chunks), chunk, None) for number, chunk in enumerate(chunks))
    return b"".join((head, b" ", _text(_mac(file_key, head)), b"\n", nonce, *sealed))


def open_with_passphrase(sealed: bytes, passphrase: str) -> bytes:
    """The plaintext. Raises PassphraseRefused for another passphrase or damaged bytes, KeyRefused for another kind of
    age file."""
    found = _HEADER.match(sealed)
    if found is None:
        raise KeyRefused("backup: expected an age file under a passphrase, got another kind or a damaged head")
    head, salt, body, mac = found[1], _base64(found[2]), _base64(found[4]), _base64(found[5])
    log2_n = int(found[3])
    if log2_n > LOG2_N_MAX:
        raise KeyRefused(f"backup: expected a scrypt work factor up to {LOG2_N_MAX}, got {log2_n}")
    try:
        file_key = ChaCha20Poly1305(_wrap_key(passphrase, salt, log2_n)).decrypt(bytes(12), body, None)
        if not hmac.compare_digest(_mac(file_key, head), mac):
            raise InvalidTag
        return _open_payload(file_key, sealed[found.end() :])
    except MemoryError as exc:
        raise KeyRefused(f"backup: expected {128 * 8 << log2_n} bytes of free memory to open it, got less") from exc
    except (InvalidTag, ValueError) as exc:
        raise PassphraseRefused("backup: expected its passphrase and undamaged bytes, got another or others") from exc


def _open_payload(file_key: bytes, payload: bytes) -> bytes:
    """Raises InvalidTag for a changed or cut end, ValueError for none at all."""
    stream = ChaCha20Poly1305(_derived(file_key, payload[:_NONCE_BYTES], b"payload"))
    sealed_bytes = _CHUNK_BYTES + _TAG_BYTES
    chunks = [payload[at : at + sealed_bytes] for at in range(_NONCE_BYTES, len(payload), sealed_bytes)]
    if not chunks:
        raise ValueError("no chunk")
    return b"".join(stream.decrypt(_place(number, chunks), chunk, None) for number, chunk in enumerate(chunks))


def _place(number: int, chunks: Sequence[bytes]) -> bytes:
    """The nonce of a chunk: its number, and whether it is the last."""
    return number.to_bytes(11, "big") + bytes([number == len(chunks) - 1])


def _wrap_key(passphrase: str, salt: bytes, log2_n: int) -> bytes:
    return Scrypt(salt=_SALT_LABEL + salt, length=_KEY_BYTES, n=1 << log2_n, r=8, p=1).derive(passphrase.encode())


def _mac(file_key: bytes, head: bytes) -> bytes:
    return hmac.digest(_derived(file_key, None, b"header"), head, "sha256")


def _derived(key: bytes, salt: bytes | None, label: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=salt, info=label).derive(key)


def _text(raw: bytes) -> bytes:
    return base64.b64encode(raw).rstrip(b"=")


def _base64(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4))
