"""Clients of an office: stations with certificates of their own, because a node counts the calls of each caller."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from lumbung_cluster.access import AccessEntry, Duty, SignedAccess, sign_access
from lumbung_cluster.identity_uri import AccessIdentity
from lumbung_node.adapters.keys.certificates import Authority, make_tls_key, public_key_of, read_certificate
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer, Ed25519Verifier
from lumbung_node.adapters.keys.key_files import write_secret
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.client.profile import Profile, load_profile
from lumbung_tools.client.rosters import publish_access
from lumbung_tools.client.session import Session, open_session
from lumbung_tools.localcluster.founding import Founded

__all__ = ["STREAMS_A_STATION", "open_stations"]

_STATIONS = 4
STREAMS_A_STATION = 8
"""Streams at once over one station's connection: half of what a node allows each caller."""


@asynccontextmanager
async def open_stations(founded: Founded, office: str) -> AsyncIterator[tuple[Session, list[Session]]]:
    """The office's operator, and sessions of its stations, which the node (it must be up) has taken on its list."""
    async with AsyncExitStack() as stack:
        home = load_profile(founded.client_home(office))
        operator = await stack.enter_async_context(open_session(home, open_grpc, Ed25519Verifier()))
        profiles = [_profile(founded, home, f"bench-{at}") for at in range(1, _STATIONS + 1)]
        await publish_access(operator.own, _list_naming(founded, office, profiles))
        yield (
            operator,
            [await stack.enter_async_context(open_session(each, open_grpc, Ed25519Verifier())) for each in profiles],
        )


def _profile(founded: Founded, home: Profile, name: str) -> Profile:
    offline = founded.folder / "authority-OFFLINE"
    authority = Authority((offline / "authority.crt").read_bytes(), (offline / "authority.key").read_bytes())
    key = make_tls_key()
    identity = AccessIdentity(home.cluster, home.node, name)
    leaf = authority.issue(identity, public_key_of(key), now_ms=time.time_ns() // 1_000_000)
    certificate, key_file = home.home / f"{name}.crt", home.home / f"{name}.key"
    certificate.write_bytes(leaf)
    write_secret(key_file, key)
    return replace(home, certificate=certificate, key=key_file)


def _list_naming(founded: Founded, office: str, profiles: Sequence[Profile]) -> bytes:
    held = SignedAccess.decode(_access_file(founded, office).read_bytes()).content
    following = held.following(time.time_ns() // 1_000_000)
    for profile in profiles:
        facts = read_certificate(profile.certificate.read_bytes())
        entry = AccessEntry(profile.certificate.stem, Duty.STATION, (facts.pin,), 0, facts.not_after_ms)
        following = following.naming(entry)
    signer = Ed25519Signer.load(founded.folder / "access-OFFLINE" / f"{office}.key.pem")
    return sign_access(following, signer).encode()


def _access_file(founded: Founded, office: str) -> Path:
    return founded.folder / "nodes" / office / f"access-{office}.lumbung"
