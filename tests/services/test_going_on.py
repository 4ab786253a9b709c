"""A whole node goes on recording whatever a task meets that recording does not need."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.errors import DiskFailed
from lumbung_cluster.schedule import ALWAYS_FREE
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_cluster.wire import SPOKEN
from lumbung_node.ports.transport import AccessCheck, Transport
from lumbung_node.services import keyring, rebuild, replicator, reporting, rosters, signing_again, watches
from lumbung_node.services.core import Core
from lumbung_node.services.going_on import going_on
from lumbung_node.services.keyring import open_keyring
from lumbung_node.services.node import NodeParts, run_node
from lumbung_node.services.rosters import open_rosters
from lumbung_node.services.scrub import scrubber
from lumbung_node.services.session import session
from lumbung_node.services.watches import DiskMarks
from lumbung_node.store import inventories
from lumbung_testing.linked_nodes import LinkedNode, host
from lumbung_testing.rosters import CLUSTER, TestVerifier, founding, signed, successor
from lumbung_testing.session_pair import LUCK, OFFICE, PEER, box, living, put
from lumbung_testing.simulation.node import keys_of, node_caller
from lumbung_testing.simulation.patching import patched
from lumbung_testing.virtual_aside import VirtualAside
from lumbung_testing.virtual_disk import VirtualDisk
from lumbung_testing.virtual_network import VirtualNetwork
from lumbung_testing.world import (
    INVENTORY_KEY,
    InlineWork,
    ListLog,
    MemoryDocuments,
    MemoryIdentity,
    MemoryKeys,
    SeededRandomness,
    VirtualClock,
)


async def _parts(log: ListLog, network: VirtualNetwork) -> NodeParts:
    disk, verifier = VirtualDisk(), TestVerifier()

    def transport(check: AccessCheck) -> AbstractAsyncContextManager[Transport]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Transport]:
            yield network.transport(host(OFFICE), node_caller(OFFICE), check)

        return opened()

    held = await open_rosters(MemoryDocuments([signed(founding(), "a", "b").encode()]), CLUSTER, verifier, log)
    return NodeParts(
        number=OFFICE,
        cluster=CLUSTER,
        software="test",
        wire=SPOKEN,
        listen="127.0.0.1:7001",
        open_keyvalue=disk.open,
        aside=VirtualAside(disk),
        open_transport=transport,
        identity=MemoryIdentity(),
        fallback="",
        rosters=held,
        keys=await open_keyring(OFFICE, held, MemoryKeys(keys_of(OFFICE)), log),
        inventory_key=INVENTORY_KEY,
        verifier=verifier,
        clock=VirtualClock(),
        randomness=SeededRandomness(LUCK),
        blocking=InlineWork(),
        log=log,
        metrics=box(OFFICE).metrics,
        disk=DiskMarks(foreign_free_bytes=1, own_free_bytes=1),
        schedule=lambda: ALWAYS_FREE,
        accept_unsealed=False,
        keys_together=False,
        certificate_expires_ms=lambda: 1 << 50,
        scrub=ScrubSettings(start_delay_s=1.0),
    )


def _stumble(*_: object, **__: object) -> None:
    raise ValueError("Value out of range: 18446744073709551616")


async def _stumble_later(*_: object, **__: object) -> None:
    await trio.lowlevel.checkpoint()
    _stumble()


@pytest.mark.parametrize(
    ("task", "owner", "name", "stumble"),
    [
        ("report", reporting, "make_report", _stumble),
        ("clock", watches, "_with_clock", _stumble),
        ("scrub", scrubber.Scrubber, "_until_due", _stumble_later),
        ("signing again", signing_again.SigningAgain, "look", _stumble_later),
        ("documents", rosters.RosterKeeper, "save_again", _stumble_later),
        ("rebuild", rebuild.Rebuild, "run", _stumble_later),
        ("keys", keyring.KeyRing, "look", _stumble_later),
        ("inventories", inventories.Inventories, "_wait_and_audit", _stumble_later),
    ],
)
async def test_a_bug_beside_recording_is_logged_and_the_node_goes_on(
    autojump_clock: trio.testing.MockClock, task: str, owner: object, name: str, stumble: Callable[..., object]
) -> None:
    """One number that a partner had made up was an error in the node's own report, and the process ended for it."""
    log, network, ready = ListLog(), VirtualNetwork(random.Random(3)), list[Core]()
    async with trio.open_nursery() as nursery:
        parts = await _parts(log, network)
        with patched(owner, name, stumble):
            nursery.start_soon(run_node, parts, lambda _address, core: ready.append(core))
            await trio.sleep(2.5 * limits.TASK_AGAIN_S)
        (core,) = ready
        await put(core, [b"recording"])
        assert core.store.state.count(OFFICE).blobs == 1
        said = [values for values in log.said("task failed, begins again") if values["task"] == task]
        assert len(said) >= 1
        assert all(values["event_id"] and isinstance(values["exc_info"], Exception) for values in said)
        nursery.cancel_scope.cancel()


async def test_what_a_task_raises_of_the_disk_still_opens_the_store_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def fail() -> None:
        await trio.lowlevel.checkpoint()
        raise ExceptionGroup("of a nursery", [DiskFailed("a sync failed"), ValueError()])

    kept = box(OFFICE)
    async with living(kept) as office:
        with pytest.raises(ExceptionGroup) as raised:
            await going_on(office, "any", fail)
    assert raised.group_contains(DiskFailed)
    assert not raised.group_contains(ValueError), "it would end the process, which nobody starts again at once"
    assert len(kept.log.said("task failed, begins again")) == 1


async def test_a_bug_met_in_the_roster_of_a_partner_that_is_not_trusted_ends_no_other_link(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It was asked for inside the handling of the refusal, where nothing was caught: the node ended."""
    network, office_box = VirtualNetwork(random.Random(1)), box(OFFICE)

    async def ask(*_: object) -> bool:
        await _stumble_later()
        return False

    async with living(office_box) as office, living(box(PEER)) as peer, trio.open_nursery() as nursery:
        here, stranger = LinkedNode(network, office), LinkedNode(network, peer, key_pin=b"\7" * 32)
        await nursery.start(here.serve)
        await nursery.start(stranger.serve)
        with patched(replicator, "ask_roster", ask):
            nursery.start_soon(here.replicator.run)
            await trio.sleep(30)
        (said,) = office_box.log.said("session failed")
        assert said["event_id"]
        assert "18446744073709551616" in str(said["error"])
        nursery.cancel_scope.cancel()


async def test_a_bug_met_while_a_roster_ends_all_sessions_ends_no_node(autojump_clock: trio.testing.MockClock) -> None:
    """Beside the cancellation it was nobody's error to catch."""
    network, office_box = VirtualNetwork(random.Random(1)), box(OFFICE)
    begun = trio.Event()

    async def run(*_: object) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            begun.set()
            try:
                await trio.sleep_forever()
            finally:
                _stumble()

    async with living(office_box) as office, living(box(PEER)) as peer, trio.open_nursery() as nursery:
        here, there = LinkedNode(network, office), LinkedNode(network, peer)
        await nursery.start(there.hang)
        with patched(session.Session, "run", run):
            nursery.start_soon(here.replicator.run)
            await begun.wait()
            held = office.rosters.signed
            first, *others = held.parse().nodes
            moved = (replace(first, load_bytes=first.load_bytes + 1), *others)
            await office.rosters.offer([signed(successor(held, nodes=moved), "a", "b").encode()])
            await trio.sleep(30)
        assert len(office_box.log.said("session failed")) >= 1
        nursery.cancel_scope.cancel()
