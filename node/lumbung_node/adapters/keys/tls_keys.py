"""TLS keys out of their files and messages: ECDSA on P-256 and nothing else. Every reader raises KeyRefused."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from lumbung_cluster.errors import KeyRefused

__all__ = ["private_key_of_pem", "public_key_of_der", "public_key_of_pem"]


def private_key_of_pem(pem: bytes) -> EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as exc:
        raise KeyRefused(f"TLS key: expected an unencrypted PEM private key, got {exc}") from exc
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise KeyRefused(f"TLS key: expected ECDSA P-256, got {type(key).__name__}")
    return key


def public_key_of_pem(pem: bytes) -> EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(pem)
    except ValueError as exc:
        raise KeyRefused(f"TLS public key: expected PEM, got {exc}") from exc
    return _on_p256(key)


def public_key_of_der(der: bytes) -> EllipticCurvePublicKey:
    """A SubjectPublicKeyInfo in its one usual encoding."""
    try:
        loaded = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise KeyRefused(f"TLS public key: expected a SubjectPublicKeyInfo, got {exc}") from exc
    key = _on_p256(loaded)
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != der:
        # Pins are hashes of these bytes: another spelling of the same key would be pinned and never met.
        raise KeyRefused("TLS public key: expected its one usual encoding, got another")
    return key


def _on_p256(key: object) -> EllipticCurvePublicKey:
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise KeyRefused(f"TLS public key: expected ECDSA P-256, got {type(key).__name__}")
    return key
