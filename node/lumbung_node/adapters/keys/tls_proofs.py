"""TLS keys in join requests: their public half as bytes, the proof that the asker has the other half, and issuers."""

from __future__ import annotations

from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)

from lumbung_cluster.errors import KeyRefused
from lumbung_node.adapters.keys.tls_keys import private_key_of_pem, public_key_of_der

__all__ = ["TlsKeyVerifier", "is_issued_by", "public_key_der", "public_key_pem", "sign_with_tls_key"]

_CHAIN_MAX = 2  # a leaf, and an office's authority below the root


def public_key_der(private_key_pem: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a private key, as join requests carry it. Raises KeyRefused."""
    public = private_key_of_pem(private_key_pem).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def public_key_pem(der: bytes) -> bytes:
    """The same as PEM, as an authority takes it. Raises KeyRefused for anything but a P-256 key."""
    return public_key_of_der(der).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def sign_with_tls_key(private_key_pem: bytes, message: bytes) -> bytes:
    """An ECDSA signature (DER, SHA-256). Raises KeyRefused."""
    return private_key_of_pem(private_key_pem).sign(message, ECDSA(hashes.SHA256()))


class TlsKeyVerifier:
    """Checks signatures of `sign_with_tls_key`."""

    def verify(self, public_key_der: bytes, message: bytes, signature: bytes) -> bool:
        try:
            public_key_of_der(public_key_der).verify(signature, message, ECDSA(hashes.SHA256()))
        except (InvalidSignature, KeyRefused):
            return False
        return True


def is_issued_by(chain_pem: bytes, authorities_pem: bytes) -> bool:
    """Whether the chain's first certificate comes from one of these authorities, through the others of the chain.

    Dates are not looked at: a clock may be wrong. Raises KeyRefused for no PEM.
    """
    try:
        chain = x509.load_pem_x509_certificates(chain_pem)
        authorities = x509.load_pem_x509_certificates(authorities_pem)
    except ValueError as exc:
        raise KeyRefused(f"certificate: expected one in PEM, got {exc}") from exc
    if len(chain) > _CHAIN_MAX or not all(_is_authority(issuer) for issuer in chain[1:]):
        return False
    if not all(_has_signed(issuer, certificate) for certificate, issuer in pairwise(chain)):
        return False
    return any(_has_signed(authority, chain[-1]) for authority in authorities)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _has_signed(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
