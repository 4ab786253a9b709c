"""The TLS identity of a node as its files have it now: the pair in use, or the next one beside it."""

from __future__ import annotations

from pathlib import Path

from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.identity_uri import NodeIdentity, parse_identity
from lumbung_node.adapters.grpc_transport import TlsIdentity, check_tls
from lumbung_node.adapters.identity_folder import replace_file
from lumbung_node.adapters.keys.certificates import is_renewal_due, read_certificate
from lumbung_node.adapters.keys.key_files import read_secret
from lumbung_node.adapters.keys.key_folder import next_file
from lumbung_node.adapters.keys.renewal import load_authority, renewed_chain
from lumbung_node.adapters.keys.tls_proofs import is_issued_by
from lumbung_node.config import KeyFiles, NodeConfig

__all__ = ["NodeTls", "certified_node"]


def certified_node(config: NodeConfig) -> NodeIdentity:
    """The node that the configuration and its certificate name. Raises KeyRefused when they name two; OSError."""
    chain = config.keys.tls_chain
    uri = read_certificate(chain.read_bytes()).uri
    identity = parse_identity(uri) if uri is not None else None
    if not isinstance(identity, NodeIdentity):
        raise KeyRefused(f"{chain}: expected a certificate that names a node, got {uri or 'none'}")
    if identity.number != config.number:
        raise KeyRefused(f"{config.file}: node.number: expected {identity.number} as in {chain}, got {config.number}")
    return identity


class NodeTls:
    """`held` is what the transport speaks with, `expires_ms` the end of its certificate (UTC ms)."""

    def __init__(self, files: KeyFiles, pin: bytes) -> None:
        self._files = files
        self.held = self._read(pin)
        self.expires_ms = 0
        self.take(self.held)

    def checked(self, pin: bytes) -> TlsIdentity:
        """The pair whose key has this pin, once it is ours and others will believe it. Raises KeyRefused, OSError.

        Files change while people copy them and by mistake: a certificate of another authority would cut the node off.
        """
        found, (chain, _) = self._read(pin), self._pair(pin)
        if found == self.held:
            return found
        check_tls(found)
        held_uri, uri = (read_certificate(each.certificate_chain_pem).uri for each in (self.held, found))
        if uri != held_uri:
            raise KeyRefused(f"{chain}: expected a certificate of {held_uri}, got one of {uri}")
        if not is_issued_by(found.certificate_chain_pem, found.trust_roots_pem):
            raise KeyRefused(f"{chain}: expected one of an authority in {self._files.trust_roots}, got another's")
        return found

    def take(self, tls: TlsIdentity) -> None:
        self.held = tls
        self.expires_ms = read_certificate(tls.certificate_chain_pem).not_after_ms

    def renew_when_due(self, pin: bytes, now_ms: int) -> bool:
        """Issue a new certificate for the key in use at half of its life, where the office's authority lies here.

        True when its file was replaced. Raises KeyRefused, also for a clock that was reset: what it issues would end
        years too early; OSError.
        """
        folder, (chain, _) = self._files.authority, self._pair(pin)
        if folder is None:
            return False
        held = chain.read_bytes()
        if not is_renewal_due(read_certificate(held), now_ms):
            return False
        roots = self._files.trust_roots.read_bytes()
        replace_file(chain, renewed_chain(held, load_authority(folder), roots, now_ms=now_ms))
        return True

    def _read(self, pin: bytes) -> TlsIdentity:
        chain, key = self._pair(pin)
        return TlsIdentity(chain.read_bytes(), read_secret(key), self._files.trust_roots.read_bytes())

    def _pair(self, pin: bytes) -> tuple[Path, Path]:
        """The files of certificate and key."""
        chain, key = self._files.tls_chain, self._files.tls_key
        following = next_file(chain)
        if read_certificate(chain.read_bytes()).pin != pin and following.exists():
            return following, next_file(key)
        return chain, key
