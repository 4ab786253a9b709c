"""An office's machine is gone with its disk and its keys; new hardware under new keys takes over its history."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import trio

from lumbung_cluster.feed import Mark
from lumbung_cluster.identity_uri import NodeIdentity
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_cluster.roster_node import KeyRecord, KeyUse, NodeRecord
from lumbung_node.adapters.keys.certificates import Authority, make_tls_key, pin_of_public_key, public_key_of
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.adapters.keys.key_files import write_public, write_secret
from lumbung_node.adapters.rocks.keyvalue import open_rocks
from lumbung_node.ports.keyvalue import Family
from lumbung_node.store.layout import FeedRow, feed_key
from lumbung_testing.office_days import all_safe, put, until_held, until_status
from lumbung_testing.real_clusters import found, lumbung, now_ms, run_up
from lumbung_tools.localcluster.founding import Founded

_OFFICE, _PEER, _DRC = "36.02", "34.04", "drc-batam"
_NUMBER = NodeNumber(1)


async def test_new_hardware_under_new_keys_takes_over_the_history_of_its_office(tmp_path: Path) -> None:
    founded = found(tmp_path, (_OFFICE, _PEER))
    async with run_up(founded) as cluster:
        await cluster.start(cluster.names)
        before = await put(founded, _OFFICE, tmp_path, 12)
        await until_status(founded, _OFFICE, all_safe(12))
        await cluster.stop([_OFFICE])
        # What custodians ask of the holders: up to where the old entry key is good.
        bound = await _end_of_feed(founded)
        _replace_machine(founded, bound)
        roster = founded.folder / "roster-2.lumbung"
        for name in (_PEER, _DRC):
            publish = partial(lumbung, "roster", "publish", roster, home=founded.client_home(name))
            done = await trio.to_thread.run_sync(publish)
            assert done.returncode == 0, done.stderr
        await cluster.start([_OFFICE])
        await until_held(founded, _OFFICE, before)
        after = await put(founded, _OFFICE, tmp_path, 3)
        answer = await until_status(founded, _OFFICE, all_safe(15))
        assert answer.generation == 2, "above the machine before it, whose keys are retired"
        await until_held(founded, _OFFICE, before | after)


async def _end_of_feed(founded: Founded) -> Mark:
    kv = await open_rocks(founded.folder / "nodes" / _OFFICE / "data", create=False)
    ((key, value),) = await kv.scan(Family.FEEDS, feed_key(_NUMBER, 0), feed_key(_NUMBER, 1 << 60), 1, backwards=True)
    await kv.close()
    return Mark(Generation(1), int.from_bytes(key[4:], "big"), FeedRow.unpack(value).running_hash)


def _replace_machine(founded: Founded, bound: Mark) -> None:
    """Another machine: empty folders, keys of its own, a certificate for them, and the roster that names them."""
    home = founded.folder / "nodes" / _OFFICE
    offline = founded.folder / "authority-OFFLINE"
    authority = Authority((offline / "authority.crt").read_bytes(), (offline / "authority.key").read_bytes())
    for folder in ("data", "identity"):
        shutil.rmtree(home / folder)
    tls_key, entry, receipt = make_tls_key(), Ed25519Signer.generate(), Ed25519Signer.generate()
    public = public_key_of(tls_key)
    chain = authority.issue(NodeIdentity(founded.roster.cluster, _NUMBER), public, now_ms=now_ms())
    for name in ("tls.chain.pem", "tls.key.pem", "entry.key.pem", "receipt.key.pem"):
        (home / "keys" / name).unlink()
    write_public(home / "keys" / "tls.chain.pem", chain)
    write_secret(home / "keys" / "tls.key.pem", tls_key)
    entry.save(home / "keys" / "entry.key.pem")
    receipt.save(home / "keys" / "receipt.key.pem")
    fresh = {
        KeyUse.TLS: pin_of_public_key(public),
        KeyUse.ENTRY: entry.public_key,
        KeyUse.RECEIPT: receipt.public_key,
    }
    raw = _following_roster(founded, fresh, bound)
    for file in (
        founded.folder / "roster-2.lumbung",
        home / "roster.lumbung",
        founded.client_home(_OFFICE) / "roster.lumbung",
    ):
        file.unlink(missing_ok=True)
        write_public(file, raw)


def _following_roster(founded: Founded, fresh: dict[KeyUse, bytes], bound: Mark) -> bytes:
    """Epoch 2, signed by two custodians: the old keys retired, the new ones in force."""
    held = SignedRoster.decode((founded.folder / "roster.lumbung").read_bytes())

    def renewed(record: NodeRecord) -> NodeRecord:
        if record.number != _NUMBER:
            return record
        kept = [_retired(key, bound) if key.use in fresh else key for key in record.keys]
        return replace(record, keys=(*kept, *(KeyRecord(use, key, 2) for use, key in fresh.items())))

    before = held.parse()
    nodes = tuple(renewed(record) for record in before.nodes)
    roster = tidy(replace(before, epoch=2, predecessor_hash=held.hash, nodes=nodes, created_ms=now_ms()))
    signed = SignedRoster(encode_roster(roster), ())
    for at in (1, 2):
        signer = Ed25519Signer.load(founded.folder / "custodians-OFFLINE" / f"custodian-{at}.key.pem")
        signed = signed.signed_by(signer)
    return signed.encode()


def _retired(key: KeyRecord, bound: Mark) -> KeyRecord:
    return replace(key, last_epoch=1, bound=bound if key.use is KeyUse.ENTRY else None)
