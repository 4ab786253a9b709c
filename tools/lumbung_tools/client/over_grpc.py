"""The gRPC transport under a station's certificate: what makes a client's session real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lumbung_cluster.errors import KeyRefused, Rejected, StatusCode
from lumbung_node.adapters.grpc_transport import TlsIdentity, grpc_transport
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
    async with grpc_transport(
        identity, access_check=_serve_nobody, link=LinkClass.LAN, log=Unlogged(), metrics=Uncounted()
    ) as transport:
        yield transport


def _serve_nobody(caller: Caller, method: Method) -> None:
    raise Rejected(StatusCode.PERMISSION_DENIED, f"a client serves nobody, got {method.name} from {caller.uri}")
