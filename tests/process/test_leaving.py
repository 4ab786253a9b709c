"""A holder that leaves, on real nodes and with the commands: released by the origin, then it lets go."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import trio

from lumbung_cluster.ids import NodeNumber, all_units
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_testing.real_clusters import OFFICES, Done, found, lumbung, now_ms, open_office, real_cluster
from lumbung_testing.sealed_files import looking_sealed
from lumbung_tools.client.rosters import publish_roster
from lumbung_tools.localcluster.founding import ROSTER_FILE, Founded
from lumbung_tools.output.exit_codes import ExitCode

_ORIGIN = OFFICES[0]
_FILES = 12
_LOOKS = 120


def _following(founded: Founded, before: bytes, holders: list[NodeNumber], leaving: list[NodeNumber]) -> bytes:
    """The next epoch, in which the origin's blobs have these holders; signed by two custodians."""
    held = SignedRoster.decode(before)
    roster = held.parse()
    origin = next(site.number for site in founded.sites if site.name == _ORIGIN)

    def shares(nodes: list[NodeNumber]) -> tuple[Share, ...]:
        return tuple(Share(node, all_units()) for node in sorted(nodes))

    assignments = tuple(
        HolderAssignment(origin, shares(holders), shares(leaving)) if each.origin == origin else each
        for each in roster.assignments
    )
    draft = replace(
        roster, epoch=roster.epoch + 1, predecessor_hash=held.hash, created_ms=now_ms(), assignments=assignments
    )
    signed = SignedRoster(encode_roster(tidy(draft)), ())
    for at in (1, 2):
        signed = signed.signed_by(Ed25519Signer.load(founded.folder / f"custodians-OFFLINE/custodian-{at}.key.pem"))
    return signed.encode()


async def _until(founded: Founded, home: str, words: tuple[str, ...], code: int, text: str = "") -> Done:
    """The command again and again until it ends with this code and says this."""
    for _ in range(_LOOKS):
        done = await trio.to_thread.run_sync(lambda: lumbung(*words, home=founded.client_home(home)))
        if done.returncode == code and text in done.stdout:
            return done
        await trio.sleep(1)
    raise AssertionError(f"{words}: expected {code} and {text!r}, got {done.returncode}: {done.stdout} {done.stderr}")


async def _until_logged(file: Path, event: str) -> None:
    for _ in range(_LOOKS):
        if event in await trio.Path(file).read_text():
            return
        await trio.sleep(1)
    raise AssertionError(f"{file.name}: expected the event {event!r}")


def _put_files(founded: Founded, folder: Path) -> None:
    folder.mkdir()
    for number in range(_FILES):
        (folder / f"{number}.bin").write_bytes(looking_sealed(os.urandom(2000)))
    done = lumbung("put", folder, "--timeout", "60", home=founded.client_home(_ORIGIN))
    assert done.returncode == ExitCode.OK, done.stderr


async def test_a_holder_that_leaves_lets_go_after_its_origin_released_it_and_not_before(tmp_path: Path) -> None:
    founded = found(tmp_path)
    numbers = {site.name: site.number for site in founded.sites}
    first = (founded.folder / ROSTER_FILE).read_bytes()
    holders = [share.node for share in founded.roster.assignments[0].holders]
    centre = numbers["drc-batam"]
    (old,) = [node for node in holders if node != centre]
    old_name = next(name for name, number in numbers.items() if number == old)
    new_name = next(name for name in OFFICES if name not in (_ORIGIN, old_name))
    async with real_cluster(founded) as cluster:
        await trio.to_thread.run_sync(_put_files, founded, tmp_path / "files")
        await _until(founded, _ORIGIN, ("node", "safe-to-stop", old_name), ExitCode.OK, "Yes")

        second = _following(founded, first, [centre, numbers[new_name]], [old])
        async with open_office(founded, _ORIGIN) as session:
            assert await publish_roster(session.own, [second]) == (2, True)
        await _until(founded, old_name, ("drop",), ExitCode.OK, "Nothing lies here")
        await _until_logged(cluster.log_file(old_name), "released")

        third = _following(founded, second, [centre, numbers[new_name]], [])
        async with open_office(founded, _ORIGIN) as session:
            assert await publish_roster(session.own, [third]) == (3, True)
        planned = await _until(founded, old_name, ("drop", "--json"), ExitCode.OK, '"units":')
        (origin,) = json.loads(planned.stdout)["origins"]
        assert (origin["origin"], origin["blobs"], origin["kept"]) == (_ORIGIN, _FILES, {})
        done = await _until(founded, old_name, ("drop", "--yes"), ExitCode.OK, "Let go: 12 recordings")
        assert _ORIGIN in done.stdout
        await _until(founded, old_name, ("drop",), ExitCode.OK, "Nothing lies here")
        await _until(founded, _ORIGIN, ("status",), ExitCode.OK)
        await _until(founded, _ORIGIN, ("node", "safe-to-stop", old_name), ExitCode.OK, "Yes")
