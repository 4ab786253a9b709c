"""The TLS identity of a node as its files have it now: the pair in use, or the next one beside it."""

from __future__ import annotations

from lumbung_node.adapters.grpc_transport import TlsIdentity
from lumbung_node.adapters.keys.certificates import read_certificate
from lumbung_node.adapters.keys.key_files import read_secret
from lumbung_node.adapters.keys.key_folder import next_file
from lumbung_node.config import KeyFiles

__all__ = ["NodeTls"]


class NodeTls:
    """`held` is what the transport speaks with, `expires_ms` the end of its certificate (UTC ms)."""

    def __init__(self, files: KeyFiles, pin: bytes) -> None:
        self._files = files
        self.held = self.read(pin)
        self.expires_ms = 0
        self.take(self.held)

    def read(self, pin: bytes) -> TlsIdentity:
        """The pair whose key has this pin. Raises KeyRefused, OSError."""
        files = self._files
        chain, key = files.tls_chain.read_bytes(), files.tls_key
        following = next_file(files.tls_chain)
        if read_certificate(chain).pin != pin and following.exists():
            chain, key = following.read_bytes(), next_file(files.tls_key)
        return TlsIdentity(chain, read_secret(key), files.trust_roots.read_bytes())

    def take(self, tls: TlsIdentity) -> None:
        self.held = tls
        self.expires_ms = read_certificate(tls.certificate_chain_pem).not_after_ms
