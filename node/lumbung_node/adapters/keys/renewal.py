"""Renewing a certificate: the same identity and key under a new date, by an authority that our own trust roots know."""

from __future__ import annotations

from pathlib import Path

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.identity_uri import parse_identity
from lumbung_node.adapters.keys.certificates import Authority, public_key_in, read_certificate
from lumbung_node.adapters.keys.key_files import read_secret
from lumbung_node.adapters.keys.tls_proofs import is_issued_by
from lumbung_node.config import AUTHORITY_CERTIFICATE, AUTHORITY_KEY

__all__ = ["load_authority", "renewed_chain"]


def load_authority(folder: Path) -> Authority:
    """Raises KeyRefused, OSError."""
    certificate = (folder / AUTHORITY_CERTIFICATE).read_bytes()
    read_certificate(certificate)
    return Authority(certificate, read_secret(folder / AUTHORITY_KEY))


def renewed_chain(chain_pem: bytes, authority: Authority, trust_roots_pem: bytes | None, *, now_ms: int) -> bytes:
    """The chain that takes this one's place; no roster changes by it, because pins are of the key. Raises KeyRefused.

    `trust_roots_pem` None: nobody knows here whom the others trust.
    """
    try:
        identity = parse_identity(read_certificate(chain_pem).uri or "")
    except Malformed as exc:
        raise KeyRefused(f"certificate to renew: expected one of a node or a station, got another ({exc})") from exc
    fresh = authority.issue(identity, public_key_in(chain_pem), now_ms=now_ms)
    if trust_roots_pem is not None and not is_issued_by(fresh, trust_roots_pem):
        raise KeyRefused("authority: expected one that the trust roots beside the certificate know, got another")
    return fresh
