"""The gRPC transport under a station's certificate: what makes a client's session real."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from lumbung_cluster.errors import KeyRefused, Rejected, StatusCode
from lumbung_node.adapters.grpc_transport import TlsIdentity, check_tls, grpc_transport
from lumbung_node.adapters.keys.certificates import pin_of_public_key, public_key_of, read_certificate
from lumbung_node.adapters.keys.key_files import read_secret
from lumbung_node.ports.log import Unlogged
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.ports.transport import Caller, Dialer, LinkClass, Method
from lumbung_tools.client.profile import Profile

__all__ = ["open_grpc"]


@asynccontextmanager
async def open_grpc(profile: Profile) -> AsyncIterator[Dialer]:
    """Raises KeyRefused when a key or certificate of the profile is missing or open to others."""
    try:
        chain, roots = profile.certificate.read_bytes(), profile.trust_roots.read_bytes()
    except OSError as exc:
        raise KeyRefused(f"certificate {exc.filename}: expected a readable file, got {exc.strerror}") from exc
    identity = TlsIdentity(chain, read_secret(profile.key), roots)
    _check_files(profile, identity)
    async with grpc_transport(
        identity, access_check=_serve_nobody, link=LinkClass.LAN, log=Unlogged(), metrics=Uncounted()
    ) as transport:
        yield transport


def _check_files(profile: Profile, tls: TlsIdentity) -> None:
    """TLS itself would say no more than that something is wrong; whoever copied files wants to know which one."""
    certified = _in_file(profile.certificate, lambda: read_certificate(tls.certificate_chain_pem).pin)
    pin = _in_file(profile.key, lambda: pin_of_public_key(public_key_of(tls.private_key_pem)))
    _in_file(profile.trust_roots, lambda: read_certificate(tls.trust_roots_pem).pin)
    if pin != certified:
        raise KeyRefused(
            f"{profile.certificate}: expected the certificate of {profile.key} ({pin.hex()[:16]}), got "
            f"{certified.hex()[:16]}"
        )
    check_tls(tls)


def _in_file(file: Path, read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except KeyRefused as exc:
        raise KeyRefused(f"PEM file {file}: {exc}") from exc


def _serve_nobody(caller: Caller, method: Method) -> None:
    raise Rejected(StatusCode.PERMISSION_DENIED, f"a client serves nobody, got {method.name} from {caller.uri}")
