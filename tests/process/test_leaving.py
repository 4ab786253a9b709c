"""A holder that leaves, on real nodes and with the commands: released by the origin, then it lets go, or is gone."""

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
from lumbung_cluster.roster_node import NodeState
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_testing.joining import lumbung_offline
from lumbung_testing.real_clusters import DRC, OFFICES, Done, found, lumbung, now_ms, open_office, real_cluster
from lumbung_testing.sealed_files import looking_sealed
from lumbung_tools.client.rosters import publish_roster
from lumbung_tools.localcluster.founding import ROSTER_FILE, Founded
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.roster_files import read_draft
from lumbung_tools.roster_toml import render_roster_toml

_ORIGIN = OFFICES[0]
_FILES = 12
_LOOKS = 60


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


def _put_files(founded: Founded, folder: Path, office: str = _ORIGIN) -> None:
    folder.mkdir()
    for number in range(_FILES):
        (folder / f"{number}.bin").write_bytes(looking_sealed(os.urandom(2000)))
    done = lumbung("put", folder, "--timeout", "60", home=founded.client_home(office))
    assert done.returncode == ExitCode.OK, done.stderr


def _office_that_keeps(founded: Founded) -> tuple[str, str]:
    """The office that keeps the origin's recordings, and the one that does not."""
    numbers = {site.name: site.number for site in founded.sites}
    held_by = {share.node for share in founded.roster.assignments[0].holders}
    (old,) = [name for name in OFFICES if numbers[name] in held_by]
    (new,) = [name for name in OFFICES if name not in (_ORIGIN, old)]
    return old, new


def _signed(founded: Founded, draft: Path, *more: str | Path) -> Path:
    """The draft with two custodians' signatures, each by the command."""
    for at in (1, 2):
        key = founded.folder / f"custodians-OFFLINE/custodian-{at}.key.pem"
        signed = draft.with_name(f"{draft.stem}-{at}.lumbung")
        done = lumbung_offline("roster", "sign", draft, "--key", key, "-o", signed, *more)
        assert done.code == 0, done.err
        draft = signed
    return draft


async def test_a_holder_that_leaves_lets_go_after_its_origin_released_it_and_not_before(tmp_path: Path) -> None:
    founded = found(tmp_path)
    numbers = {site.name: site.number for site in founded.sites}
    first = (founded.folder / ROSTER_FILE).read_bytes()
    old_name, new_name = _office_that_keeps(founded)
    old, centre = numbers[old_name], numbers[DRC]
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


async def test_an_office_that_is_planned_away_is_gone_with_the_proof_that_nothing_is_lost(tmp_path: Path) -> None:
    founded = found(tmp_path)
    old, new = _office_that_keeps(founded)
    draft, planned = tmp_path / "2.toml", tmp_path / "planned.toml"
    assert lumbung_offline("roster", "next", founded.folder / ROSTER_FILE, "-o", draft).code == 0
    before = read_draft(draft)
    leaver = before.by_name(old)
    assert leaver is not None
    nodes = tuple(replace(node, state=NodeState.DRAINING) if node == leaver else node for node in before.nodes)
    draft.unlink()
    draft.write_bytes(render_roster_toml(replace(before, nodes=nodes)).encode())
    done = lumbung_offline("roster", "plan", draft, "-o", planned)
    assert done.code == 0, done.err
    second = _signed(founded, planned)

    async with real_cluster(founded) as cluster:
        for office in (_ORIGIN, old):
            await trio.to_thread.run_sync(_put_files, founded, tmp_path / f"files {office}", office)
        report = tmp_path / "drained.report"
        await _until(founded, old, ("roster", "drained", "-o", str(report)), ExitCode.COPIES_SHORT)
        assert not report.exists()
        await _until(founded, _ORIGIN, ("roster", "publish", str(second)), ExitCode.OK)
        await _until_logged(cluster.log_file(old), "released")
        await _until(founded, old, ("roster", "fetch"), ExitCode.OK)
        await _until(founded, old, ("roster", "drained", "-o", str(report)), ExitCode.OK)

        third = tmp_path / "3.toml"
        assert lumbung_offline("roster", "next", second, "-o", tmp_path / "next.toml").code == 0
        gone = ("roster", "gone", tmp_path / "next.toml", old, "-o", third)
        assert lumbung_offline(*gone).code == ExitCode.REFUSED
        done = lumbung_offline(*gone, "--drained", report)
        assert done.code == 0, done.err
        unproven = ("roster", "sign", third, "--key", founded.folder / "custodians-OFFLINE/custodian-1.key.pem")
        assert lumbung_offline(*unproven, "-o", tmp_path / "unproven").code == ExitCode.REFUSED
        published = ("roster", "publish", str(_signed(founded, third, "--drained", report)))
        await _until(founded, _ORIGIN, published, ExitCode.OK)
        await _until(founded, _ORIGIN, ("status",), ExitCode.OK, "all 12 recordings are safe")
        await _until(founded, DRC, ("status",), ExitCode.OK, f"Kept for others: {2 * _FILES} ")
    assert new in (await trio.Path(planned).read_text())
