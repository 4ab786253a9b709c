"""The node's keys in use: changed over to the next ones while it runs, when the roster and all partners know them.

The rules are `lumbung_cluster.rotation`. What is in use is remembered outside the data folder before the first word is
signed with it: a restart must not bring an older key back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.limits import KEY_CHANGEOVER_S_MAX, KEY_LOOK_S
from lumbung_cluster.roster_node import KeyUse, Role
from lumbung_cluster.rotation import choose_key, epoch_known_to_all
from lumbung_node.ports.keystore import KeysAtHand, KeysInUse, KeyStore
from lumbung_node.ports.log import Log
from lumbung_node.ports.world import Signer
from lumbung_node.services.rosters import RosterKeeper
from lumbung_node.store.state import Pulse

__all__ = ["KeyRing", "open_keyring"]


@dataclass(slots=True)
class _RingSigner:
    """A Signer whose key is whichever is in use when it is asked."""

    current: Signer

    @property
    def public_key(self) -> bytes:
        return self.current.public_key

    def sign(self, message: bytes) -> bytes:
        return self.current.sign(message)


class KeyRing:
    """`entry` and `receipt` sign with the key in use, `tls_pin` names the TLS key; `changed` beats with each change."""

    def __init__(
        self, number: NodeNumber, rosters: RosterKeeper, store: KeyStore, keys: KeysAtHand, used: KeysInUse, log: Log
    ) -> None:
        self._number = number
        self._rosters = rosters
        self._store = store
        self._log = log
        self._used = used
        self._told_receipt = used.receipt
        self._entry, self._receipt = _RingSigner(keys.entry[0]), _RingSigner(keys.receipt[0])
        self.changed = Pulse()

    @property
    def entry(self) -> Signer:
        return self._entry

    @property
    def receipt(self) -> Signer:
        return self._receipt

    @property
    def tls_pin(self) -> bytes:
        return self._used.tls_pin

    @property
    def used(self) -> KeysInUse:
        return self._used

    def is_in_force(self, use: KeyUse, key: bytes) -> bool:
        """Whether the roster in force has it open for this node, or needs none of it (an ops node only connects)."""
        record = self._rosters.roster.node(self._number)
        if record is not None and record.role is Role.OPS and use is not KeyUse.TLS:
            return True
        return record is not None and record.has_open_key(use, key)

    async def run(self, on_new_receipt_key: Callable[[], Awaitable[None]]) -> None:
        """Look whenever a roster or a partner's word may allow the next key, and now and then for new files.

        Run again after an error it tells the new receipt key if that was not taken: once too often does no harm.
        """
        nursery: trio.Nursery
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_rosters)
            while True:
                try:
                    await self.look()
                except (KeyRefused, OSError) as exc:  # half of the files are there, or the disk is full: look again
                    self._log.warning("keys not looked at", reason=str(exc))
                if (receipt := self._used.receipt) != self._told_receipt:
                    await on_new_receipt_key()
                    self._told_receipt = receipt
                with trio.move_on_after(KEY_LOOK_S):
                    await self._rosters.epochs_told.wait()

    async def look(self) -> None:
        """Change over where it is time. Raises KeyRefused, OSError; then everything stays as it was."""
        keys = await self._store.at_hand()
        chosen = self._choose(keys)
        if chosen != self._used:
            await self._store.remember(chosen)
            self._log.info("keys in use", entry=chosen.entry.hex()[:16], receipt=chosen.receipt.hex()[:16])
        self._take(keys, chosen)

    def _choose(self, keys: KeysAtHand) -> KeysInUse:
        roster, number, used = self._rosters.roster, self._number, self._used
        known = self._known_epoch()
        record = roster.node(number)
        tls = record.keys_of(KeyUse.TLS) if record is not None else ()
        entry, receipt = [signer.public_key for signer in keys.entry], [signer.public_key for signer in keys.receipt]
        return KeysInUse(
            entry=choose_key(roster.entry_keys(number), entry, used.entry, known),
            receipt=choose_key(roster.receipt_keys(number), receipt, used.receipt, known),
            tls_pin=choose_key(tls, keys.tls_pins, used.tls_pin, known),
        )

    def _known_epoch(self) -> int:
        roster = self._rosters.roster
        is_long_ago = trio.current_time() - self._rosters.nodes_since >= KEY_CHANGEOVER_S_MAX
        partners = roster.partners_of(self._number)
        return epoch_known_to_all(partners, self._rosters.epochs_seen, roster.epoch, is_long_ago=is_long_ago)

    def _take(self, keys: KeysAtHand, chosen: KeysInUse) -> None:
        is_news, self._used = chosen != self._used, chosen
        self._entry.current = _signer(keys.entry, chosen.entry)
        self._receipt.current = _signer(keys.receipt, chosen.receipt)
        if is_news:
            self.changed.beat()

    async def _watch_rosters(self) -> None:
        while True:
            await self._rosters.roster_changed.wait()
            self._rosters.epochs_told.beat()


async def open_keyring(number: NodeNumber, rosters: RosterKeeper, store: KeyStore, log: Log) -> KeyRing:
    """The ring with the keys that were in use before this start. Raises KeyRefused, OSError."""
    ring = KeyRing(number, rosters, store, await store.at_hand(), await store.in_use(), log)
    await ring.look()
    ring._told_receipt = ring.used.receipt  # a store is opened with it
    return ring


def _signer(signers: tuple[Signer, ...], key: bytes) -> Signer:
    return next(signer for signer in signers if signer.public_key == key)
