"""Two DRC nodes that keep the same origins, founded and filled while they are down, for benchmarks.

Their stores are filled through the nodes' own committer, with entries that the origins' keys have signed: a node takes
them for what it once got over the line. `agree` then writes the marks that both would have: so nothing waits in feed
order, and whatever differs is what only a comparison finds.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import trio

from lumbung_cluster.entry import Entry, EntryList, SignedList, sign_list
from lumbung_cluster.feed import Mark, first_hash, next_hash
from lumbung_cluster.ids import BlobId, ClusterId, Generation, NodeNumber, all_units
from lumbung_cluster.limits import LIST_ENTRIES_MAX
from lumbung_cluster.roster import HolderAssignment, Roster, Share
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_cluster.roster_node import KeyRecord, KeyUse, Label, LinkClass, NodeRecord, Reach, Role
from lumbung_node.adapters.identity_folder import IdentityFolder
from lumbung_node.adapters.keys.cluster_secret import load_cluster_secret
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.adapters.world import SystemClock, SystemRandomness, WorkerThreads
from lumbung_node.config import Language, NodeConfig, load_config
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.store.jobs import Content, ForeignBlob, Job
from lumbung_node.store.layout import MarkRow
from lumbung_node.store.store import Store, open_store
from lumbung_tools.bench.relay import LOOPBACK, RelayLine
from lumbung_tools.localcluster.founding import ROSTER_FILE, Founded, found_cluster
from lumbung_tools.localcluster.sites import choose_sites

__all__ = ["Holders", "Origin", "agree", "fill", "found_holders"]

_OFFICE, _DRCS = "36.02", ("batam", "surabaya")
_BODY_BYTES = 24
_JOBS_AT_ONCE = 64
_GENERATION = Generation(1)
_OFFICES_FROM = 100  # numbers of offices that are in the roster and run nowhere


@dataclass(slots=True)
class Origin:
    """An office that runs nowhere, and its history so far."""

    number: NodeNumber
    cluster: ClusterId
    signer: Ed25519Signer
    luck: random.Random
    count: int = 0
    running_hash: bytes = b""

    def __post_init__(self) -> None:
        self.running_hash = first_hash(self.cluster, self.number, self.number)

    def record(self, count: int) -> Iterator[tuple[SignedList, list[bytes]]]:
        """So many new recordings, in lists as a group commit signs them."""
        for at in range(0, count, LIST_ENTRIES_MAX):
            contents = [self.luck.randbytes(_BODY_BYTES) for _ in range(min(LIST_ENTRIES_MAX, count - at))]
            entries = tuple(Entry(BlobId.of(content), len(content), 1, 0, 0) for content in contents)
            listed = EntryList(self.cluster, self.number, _GENERATION, self.count + 1, self.running_hash, entries)
            for entry in entries:
                self.running_hash = next_hash(self.running_hash, entry)
            self.count += len(entries)
            yield sign_list(listed, self.signer), contents


@dataclass(slots=True)
class Holders:
    """`names` are those of the two nodes, the lower number first; `ports` where each listens behind its relay."""

    founded: Founded
    names: tuple[str, str]
    origins: tuple[Origin, ...]
    line: RelayLine
    ports: dict[str, tuple[int, int]] = field(default_factory=dict)

    def config(self, name: str) -> NodeConfig:
        return load_config(self.founded.folder / "nodes" / name / "config.toml")

    def number(self, name: str) -> NodeNumber:
        return next(site.number for site in self.founded.sites if site.name == name)


def found_holders(folder: Path, origins: int, luck: random.Random, line: RelayLine) -> Holders:
    """The two nodes keep so many origins in whole. Their own clients reach them without the relays and the line."""
    sites = choose_sites((_OFFICE,), _DRCS, None)
    founded = found_cluster(folder, sites, Language.ENGLISH, now_ms=time.time_ns() // 1_000_000)
    names = (sites[1].name, sites[2].name)
    office_home = founded.folder / "nodes" / _OFFICE
    cluster = founded.roster.cluster
    first = Ed25519Signer.load(load_config(office_home / "config.toml").keys.entry_key)
    made = [Origin(sites[0].number, cluster, first, random.Random(luck.random()))]
    made += [
        Origin(NodeNumber(_OFFICES_FROM + at), cluster, Ed25519Signer.generate(), random.Random(luck.random()))
        for at in range(1, origins)
    ]
    roster = _roster(founded.roster, made, tuple(site.number for site in sites[1:]))
    if line is not LOOPBACK:  # the keepalive of a local network does not bear a slow line
        nodes = tuple(replace(node, link=LinkClass.SATELLITE) for node in roster.nodes)
        roster = replace(roster, nodes=nodes)
    _sign(founded, roster, names)
    holders = Holders(replace(founded, roster=roster), names, tuple(made), line)
    inner = choose_sites((_OFFICE,), _DRCS, None)  # free ports again
    for name, outside, inside in zip(names, sites[1:], inner[1:], strict=True):
        _put_behind_relay(holders, name, outside.port, inside.port)
        holders.ports[name] = (outside.port, inside.port)
    return holders


def _roster(founded: Roster, origins: Sequence[Origin], holders: Sequence[NodeNumber]) -> Roster:
    office = next(node for node in founded.nodes if node.role is Role.OFFICE)
    others = tuple(_office_like(office, origin, at) for at, origin in enumerate(origins[1:]))
    shares = tuple(Share(holder, all_units()) for holder in holders)
    assignments = tuple(HolderAssignment(origin.number, shares) for origin in origins)
    return tidy(replace(founded, nodes=(*founded.nodes, *others), assignments=assignments))


def _office_like(office: NodeRecord, origin: Origin, at: int) -> NodeRecord:
    """Nobody can dial it, and it never dials."""
    keys = tuple(
        KeyRecord(use, origin.signer.public_key if use is KeyUse.ENTRY else Ed25519Signer.generate().public_key, 1)
        for use in (KeyUse.TLS, KeyUse.ENTRY, KeyUse.RECEIPT, KeyUse.ACCESS)
    )
    label = Label(f"{10 + at // 90:02d}.{10 + at % 90:02d}", 1)
    reach = Reach(Reach.DIAL_ONLY)
    return replace(
        office, number=origin.number, office=origin.number, labels=(label,), keys=keys, reach=reach, vans=None
    )


def _sign(founded: Founded, roster: Roster, names: Sequence[str]) -> None:
    """In the place of the roster that was founded; nothing has run under that one."""
    signed = SignedRoster(encode_roster(roster), ())
    for at in (1, 2):
        signed = signed.signed_by(Ed25519Signer.load(founded.folder / f"custodians-OFFLINE/custodian-{at}.key.pem"))
    for home in ("nodes", "clients"):
        for name in names:
            (founded.folder / home / name / ROSTER_FILE).write_bytes(signed.encode())


def _put_behind_relay(holders: Holders, name: str, outside: int, inside: int) -> None:
    config = holders.founded.folder / "nodes" / name / "config.toml"
    config.write_text(config.read_text().replace(f'listen = "127.0.0.1:{outside}"', f'listen = "127.0.0.1:{inside}"'))
    profile = holders.founded.client_home(name) / "profile.toml"
    profile.write_text(profile.read_text().replace('address = "roster"', f'address = "127.0.0.1:{inside}"'))


async def fill(holders: Holders, names: Sequence[str], recorded: Mapping[int, int]) -> None:
    """Let origins record (index: how many), and these nodes, which are down, hold it."""
    history = [(holders.origins[at].number, part) for at, count in recorded.items() for part in _of(holders, at, count)]
    for name in names:
        async with _opened(holders, name) as store:
            for at in range(0, len(history), _JOBS_AT_ONCE):
                async with trio.open_nursery() as nursery:
                    for origin, (signed, contents) in history[at : at + _JOBS_AT_ONCE]:
                        nursery.start_soon(store.committer.commit, _job(origin, signed, contents))


def _of(holders: Holders, at: int, count: int) -> Iterator[tuple[SignedList, list[bytes]]]:
    return holders.origins[at].record(count)


def _job(origin: NodeNumber, signed: SignedList, contents: Sequence[bytes]) -> Job:
    blobs = [
        ForeignBlob(signed, index, Content(len(content), [content]), origin, _GENERATION)
        for index, content in enumerate(contents)
    ]
    return Job(foreign=blobs)


async def agree(holders: Holders) -> None:
    """Each has applied all of the other's feeds, says its mark."""
    marks: dict[str, dict[NodeNumber, Mark]] = {}
    for name in holders.names:
        async with _opened(holders, name) as store:
            ends = {origin.number: store.state.end(origin.number) for origin in holders.origins}
            generation = store.state.generation
            marks[name] = {o: Mark(generation, end.number, end.running_hash) for o, end in ends.items() if end.number}
    for name, other in (holders.names, holders.names[::-1]):
        async with _opened(holders, name) as store:
            rows = {(holders.number(other), o): MarkRow(mark, all_units()) for o, mark in marks[other].items()}
            await store.committer.commit(Job(marks=rows))


@asynccontextmanager
async def _opened(holders: Holders, name: str) -> AsyncIterator[Store]:
    """The store of a node that is down, as the node itself would open it."""
    config = holders.config(name)
    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    kv = await open_rocks(config.data, create=True)
    try:
        store = await open_store(
            kv,
            IdentityFolder(config.identity, config.data),
            cluster=holders.founded.roster.cluster,
            node=config.number,
            signer=Ed25519Signer.load(config.keys.entry_key),
            life_signer=Ed25519Signer.load(config.keys.receipt_key),
            clock=SystemClock(),
            randomness=SystemRandomness(),
            blocking=WorkerThreads(),
            inventory_key=load_cluster_secret(config.keys.cluster_secret),
            metrics=Uncounted(),
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.committer.run)
            yield store
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await kv.close()
