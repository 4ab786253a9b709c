"""Who we are in TLS, and who the other end proved to be."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from lumbung_cluster.errors import KeyRefused, Rejected, StatusCode
from lumbung_cluster.identity_uri import parse_identity
from lumbung_node.adapters.keys.certificates import read_certificate
from lumbung_node.ports.transport import Caller

__all__ = ["CallerReader", "TlsIdentity", "server_name_of"]

_CALLERS_KEPT_MAX: Final = 1024  # read certificates; 514 offices and their stations at one node


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """Our certificate (leaf first) with its key, and the authorities whose leaves we believe; all PEM."""

    certificate_chain_pem: bytes
    private_key_pem: bytes = field(repr=False)
    trust_roots_pem: bytes


class CallerReader:
    """Reads callers out of gRPC's auth context. Remembers the last certificates: reading one costs 0.1 ms."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Caller] = OrderedDict()

    def read(self, auth_context: Mapping[str, Iterable[bytes]]) -> Caller:
        """Raises Rejected(UNAUTHENTICATED) for a certificate that names no identity."""
        pem = next(iter(auth_context.get("x509_pem_cert", ())), b"")
        caller = self._known.get(pem)
        if caller is None:
            caller = self._known[pem] = _caller_of(pem)
            if len(self._known) > _CALLERS_KEPT_MAX:
                self._known.popitem(last=False)
        return caller


def server_name_of(uri: str) -> str:
    """The DNS name that stands beside this URI in a certificate."""
    return parse_identity(uri).dns_name


def _caller_of(pem: bytes) -> Caller:
    try:
        facts = read_certificate(pem)
    except KeyRefused as exc:
        raise Rejected(StatusCode.UNAUTHENTICATED, str(exc)) from exc
    if facts.uri is None:
        raise Rejected(StatusCode.UNAUTHENTICATED, "expected a certificate that names a node or a station, got none")
    return Caller(facts.uri, facts.pin)
