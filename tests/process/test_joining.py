"""An office joins a living cluster by the commands alone, and what must be refused on the way leaves it as it is."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lumbung_cluster.access import SignedAccess, sign_access
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_cluster.roster_node import Extension
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_testing.joining import Newcomer, lumbung_offline
from lumbung_testing.real_clusters import Done, cluster_up, found, lumbung, node_up
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.localcluster.sites import choose_sites
from lumbung_tools.output.exit_codes import ExitCode

_OFFICES, _NEW = ("36.02", "34.04"), "73.71"
_WAIT_S = "60"
_PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Founded]:
    founded = found(tmp_path_factory.mktemp("joining"), _OFFICES)
    with cluster_up(founded):
        yield founded


def publish(founded: Founded, file: Path, name: str = _OFFICES[0]) -> Done:
    return lumbung("--json", "roster", "publish", file, home=founded.client_home(name))


def until_health(home: Path, code: str) -> None:
    """Until this node's health names the code."""
    deadline = time.monotonic() + _PATIENCE_S
    while code not in health_codes(home):
        assert time.monotonic() < deadline, f"no {code}"


def health_codes(home: Path) -> set[str]:
    said = lumbung("--json", "health", home=home).stdout.splitlines()
    return {trouble["code"] for trouble in json.loads(said[-1]).get("troubles", [])} if said else set()


def test_an_office_and_a_drc_node_join_a_living_cluster_and_a_recording_is_safe(
    living: Founded, tmp_path: Path
) -> None:
    offices = choose_sites((_NEW,), ("surabaya",), None)
    (tmp_path / "drc-desk").mkdir()
    newcomer = Newcomer(living, tmp_path / "office", tmp_path)
    centre = Newcomer(living, tmp_path / "drc", tmp_path / "drc-desk")
    assert newcomer.init("--code", _NEW, address=offices[0].address).code == ExitCode.OK
    assert centre.init("--drc", "surabaya", address=offices[1].address).code == ExitCode.OK
    assert newcomer.add().json["number"] == 4
    assert centre.add(held=newcomer.desk / "next.toml").json["number"] == 5
    assert centre.plan_and_sign().code == ExitCode.OK
    shutil.copy(centre.roster, newcomer.roster)
    for each in (newcomer, centre):
        assert each.join(each.make_pack().text("fingerprint")).code == ExitCode.OK
    recording = tmp_path / "recording"
    recording.write_bytes(b"biometrics of nobody")

    with node_up(newcomer.config, tmp_path / "log"), node_up(centre.config, tmp_path / "drc-log"):
        until_health(newcomer.client, "TRUST_FAILED")  # to the others it is a stranger yet
        assert publish(living, newcomer.roster).returncode == ExitCode.OK
        done = lumbung("--json", "put", "--timeout", _WAIT_S, recording, home=newcomer.client)
        assert done.returncode == ExitCode.OK, done.stderr
        stored = json.loads(done.stdout.splitlines()[0])
        assert (stored["copies"]["count"], stored["copies"]["safe"]) == (3, True)
        assert stored["copies"]["holders"][0] == _NEW


def test_a_van_that_its_office_named_joins_without_a_new_roster(living: Founded, tmp_path: Path) -> None:
    office = _OFFICES[0]
    van = Newcomer(living, tmp_path / "van", tmp_path)
    address = choose_sites((_NEW,), ("batam",), None)[0].address
    assert van.init("--van", f"{office}-van1", "--reach", "dial-only", address=address).code == ExitCode.OK
    listed = van.name_van(office, living.folder / "nodes" / office / f"access-{office}.lumbung")
    done = lumbung("access", "publish", listed, home=living.client_home(office))
    assert done.returncode == ExitCode.OK, done.stderr
    shutil.copy(living.folder / "roster.lumbung", van.roster)
    assert van.join(van.make_pack("--access", listed).text("fingerprint")).code == ExitCode.OK
    recording = tmp_path / "recording"
    recording.write_bytes(b"biometrics of somebody on an island")

    with node_up(van.config, tmp_path / "log"):
        put = lumbung("--json", "put", "--timeout", _WAIT_S, recording, home=van.client)
        assert put.returncode == ExitCode.OK, put.stderr
        stored = json.loads(put.stdout.splitlines()[0])
        assert stored["copies"]["holders"] == [f"{office}-van1", office, "drc-batam"]
    # At home its office's operators know it by name, and read what it recorded from the office's own copy.
    home, back = living.client_home(office), tmp_path / "back"
    assert lumbung("roster", "fetch", home=home).returncode == ExitCode.OK
    got = lumbung("get", stored["id"], "--origin", f"{office}-van1", "-o", back, home=home)
    assert got.returncode == ExitCode.OK, got.stderr
    assert back.read_bytes() == recording.read_bytes()


# --- what living nodes refuse ----------------------------------------------------------------------------------


def held_roster(founded: Founded) -> SignedRoster:
    """What 36.02 has obeyed last; it is on the disk before it is obeyed."""
    home = founded.folder / "nodes" / _OFFICES[0]
    files = [home / "roster.lumbung", *sorted((home / "identity" / "rosters").glob("*"))]
    return SignedRoster.decode(files[-1].read_bytes())


def signed_by(founded: Founded, body: bytes, *custodians: int) -> SignedRoster:
    signed = SignedRoster(body, ())
    for at in custodians:
        key = founded.folder / "custodians-OFFLINE" / f"custodian-{at}.key.pem"
        signed = signed.signed_by(Ed25519Signer.load(key))
    return signed


def following(held: SignedRoster, **changes: object) -> Roster:
    before = held.parse()
    fields = {"epoch": before.epoch + 1, "predecessor_hash": held.hash, **changes}
    return tidy(replace(before, **fields))  # type: ignore[arg-type]


def too_few(founded: Founded, held: SignedRoster) -> SignedRoster:
    return signed_by(founded, encode_roster(following(held)), 2)


def lower_epoch(founded: Founded, held: SignedRoster) -> SignedRoster:
    assert held.epoch > 1
    return SignedRoster.decode((founded.folder / "roster.lumbung").read_bytes())


def critical_field(founded: Founded, held: SignedRoster) -> SignedRoster:
    body = encode_roster(following(held, extensions=(Extension("zz", False, b"later"),)))
    return signed_by(founded, body.replace(b"zz\0", b"zz\1"), 1, 2)


def fork(founded: Founded, held: SignedRoster) -> SignedRoster:
    before = held.parse()
    body = encode_roster(replace(before, created_ms=before.created_ms + 1))
    return signed_by(founded, body, 1, 2)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (too_few, "1 of the 2 custodians that are needed have signed"),
        (lower_epoch, "is older than the one in force"),
        (critical_field, "this roster needs a newer lumbung: it has the field zz"),
        (fork, "are signed, "),
    ],
)
def test_a_roster_that_may_not_follow_is_refused_and_nothing_changes(
    living: Founded, tmp_path: Path, make: Callable[[Founded, SignedRoster], SignedRoster], said: str
) -> None:
    held = held_roster(living)
    if held.epoch == 1:  # alone: the cluster has a second epoch before one can be lower
        second = tmp_path / "second.lumbung"
        second.write_bytes(signed_by(living, encode_roster(following(held)), 1, 2).encode())
        assert publish(living, second).returncode == ExitCode.OK
        held = held_roster(living)
    offered = tmp_path / "offered.lumbung"
    offered.write_bytes(make(living, held).encode())

    done = publish(living, offered)

    assert (done.returncode, said in done.stderr) == (ExitCode.REFUSED, True), done.stderr
    assert held_roster(living) == held
    codes = health_codes(living.client_home(_OFFICES[0]))
    assert ("ROSTER_FORK" in codes) == (make is fork)
    if make is not fork:  # a fork leaves it as it is: from the critical field before, when that ran in this process
        assert ("ROSTER_REFUSED" in codes) == (make is critical_field), "a stranger's roster calls nobody"


def test_an_older_access_list_is_refused_and_nothing_changes(living: Founded, tmp_path: Path) -> None:
    office = _OFFICES[1]
    held = SignedAccess.decode((living.folder / "nodes" / office / f"access-{office}.lumbung").read_bytes())
    key = Ed25519Signer.load(living.folder / "access-OFFLINE" / f"{office}.key.pem")
    for version, code in ((3, ExitCode.OK), (2, ExitCode.REFUSED), (3, ExitCode.OK)):
        file = tmp_path / f"{version}-{code}.lumbung"
        file.write_bytes(sign_access(replace(held.content, version=version), key).encode())
        done = lumbung("--json", "roster", "publish", "--access", file, home=living.client_home(office))
        assert done.returncode == code, done.stderr
    assert json.loads(done.stdout)["access_version"] == 3


def test_a_certificate_whose_key_is_not_pinned_is_refused_with_the_reason(living: Founded, tmp_path: Path) -> None:
    office = _OFFICES[0]
    home = tmp_path / "thief"
    shutil.copytree(living.client_home(office), home)
    for name in ("station.key", "station.crt"):
        (home / name).unlink()
    number = next(site.number for site in living.sites if site.name == office)
    identity = f"lumbung://{living.roster.cluster}/access/{number}/operator"
    words = ("--authority", living.folder / "authority-OFFLINE", "--identity", identity, "-o", home / "station.crt")
    assert lumbung_offline("keys", "new", "tls", home / "station.key").code == ExitCode.OK
    assert lumbung_offline("cert", "request", "--key", home / "station.key", "-o", tmp_path / "r").code == ExitCode.OK
    assert lumbung_offline("cert", "issue", tmp_path / "r", *words).code == ExitCode.OK

    done = lumbung("status", home=home)

    assert done.returncode == ExitCode.REFUSED
    assert "shows a key that the access list does not know" in done.stderr
