"""TLS, entry and receipt key of an office change on real processes while its stations record: nothing is refused."""

from __future__ import annotations

import random
import shutil
from functools import partial
from pathlib import Path

import trio

from lumbung_cluster.identity_uri import NodeIdentity
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_node.adapters.keys.certificates import pin_of_public_key, public_key_of
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.adapters.keys.key_files import read_secret, write_public
from lumbung_proto.v1 import operations_pb2
from lumbung_testing.chaos.stations import Pace, Station, await_safe, missing_promises
from lumbung_testing.office_days import until_status
from lumbung_testing.real_clusters import found, open_office, run_up
from lumbung_tools.client.answers import Outcome
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.client.rosters import publish_roster
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.main import run
from lumbung_tools.roster_toml import parse_roster_toml

_OFFICE, _PEER = "36.02", "34.04"
_NUMBER = NodeNumber(1)
_PACE = Pace(batch=2, pause_s=0.3, size_bytes_max=3000, large_every=0, copies=3, wait_s=2.0)
_SAFE_S = 120.0
_KINDS = ("tls", "entry", "receipt")


async def lumbung(*words: str | Path) -> None:
    """The command itself, in a thread of this process."""
    code = await trio.to_thread.run_sync(partial(run, ["--lang", "en", *map(str, words)], open_grpc))
    assert code == 0, words


def in_use(answer: operations_pb2.StatusResponse) -> dict[str, str]:
    return {key.use: key.public_key.hex() for key in answer.keys if key.in_force}


class Change:
    """What people do: commands at the node and at the centre, signatures of two custodians."""

    def __init__(self, founded: Founded, folder: Path) -> None:
        self._founded = founded
        self._folder = folder
        self._home = founded.folder / "nodes" / _OFFICE
        self.roster = founded.folder / "roster.lumbung"

    async def rotate(self, kind: str) -> None:
        await lumbung("keys", "rotate", kind, "--config", self._home / "config.toml")

    async def certify(self) -> None:
        keys = self._home / "keys"
        identity = NodeIdentity(self._founded.roster.cluster, _NUMBER).uri
        request, chain = keys / "tls.key.pem.next.request", keys / "tls.chain.pem.next"
        authority = self._founded.folder / "authority-OFFLINE"
        await lumbung("cert", "issue", request, "--authority", authority, "--identity", identity, "-o", chain)

    async def draft(self, deed: str, publics: dict[str, str]) -> Path:
        """One roster for all three."""
        base = self.roster
        for at, kind in enumerate(_KINDS):
            words: list[str | Path] = ["keys", deed, kind, *([publics[kind]] if deed == "pin" else [])]
            if deed == "retire" and kind == "entry":
                words += ["--home", self._founded.client_home(_OFFICE)]  # its node tells the bound
            following = self._folder / f"{deed}-{at}.toml"
            await lumbung(*words, "--roster", base, "--node", _OFFICE, "-o", following)
            base = following
        return base

    async def publish(self, draft: Path) -> None:
        signed = self._signed(draft)
        self.roster = self._folder / f"roster-{signed.epoch}.lumbung"
        write_public(self.roster, signed.encode())
        async with open_office(self._founded, _OFFICE) as session:
            await publish_roster(session.own, [signed.encode()])

    def _signed(self, draft: Path) -> SignedRoster:
        signed = SignedRoster(encode_roster(parse_roster_toml(draft.read_text(encoding="utf-8"))), ())
        for at in (1, 2):
            key = self._founded.folder / "custodians-OFFLINE" / f"custodian-{at}.key.pem"
            signed = signed.signed_by(Ed25519Signer.load(key))
        return signed


def next_publics(founded: Founded) -> dict[str, str]:
    keys = founded.folder / "nodes" / _OFFICE / "keys"
    signers = {kind: Ed25519Signer.load(keys / f"{kind}.key.pem.next").public_key.hex() for kind in _KINDS[1:]}
    return {"tls": pin_of_public_key(public_key_of(read_secret(keys / "tls.key.pem.next"))).hex(), **signers}


async def test_an_offices_keys_change_under_load_and_no_honest_call_is_lost_or_refused(tmp_path: Path) -> None:
    founded = found(tmp_path, (_OFFICE, _PEER))
    change = Change(founded, tmp_path)
    station = Station(founded, _OFFICE, tmp_path / "station", random.Random(7), _PACE)
    async with run_up(founded) as cluster, trio.open_nursery() as nursery:
        await cluster.start(cluster.names)
        nursery.start_soon(station.run)
        await station.await_answer()
        for kind in _KINDS:
            await change.rotate(kind)
        await change.certify()
        publics = next_publics(founded)
        await change.publish(await change.draft("pin", publics))
        await until_status(founded, _OFFICE, lambda found: in_use(found) == publics)
        await station.await_answer()
        await change.publish(await change.draft("retire", publics))
        for kind in _KINDS:
            await change.rotate(kind)
        await station.await_answer()
        nursery.cancel_scope.cancel()
    assert set(station.outcomes) <= {Outcome.STORED}, station.outcomes
    async with run_up(founded) as cluster:
        await cluster.start(cluster.names)  # under keys that lie in their usual places now
        # The profile's roster is of epoch 1: it does not know the TLS key under which the node speaks now.
        shutil.copy(founded.folder / "roster.lumbung", founded.client_home(_OFFICE) / "roster.lumbung")
        assert await station.put(5, retry_s=60.0) is None
        async with open_office(founded, _OFFICE) as session:
            assert await await_safe(session, _SAFE_S) is not None
            assert await missing_promises(session, station) == []
            assert session.roster.roster.epoch == 3
    assert not list((founded.folder / "nodes" / _OFFICE / "keys").glob("*.next"))
