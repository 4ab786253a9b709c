"""Joining as an office and the centre type it, offline: from keys to a node that is configured, and every refusal."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lumbung_cluster.access import SignedAccess, access_objection
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.signed_join import SignedJoin
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.config import Language, load_config
from lumbung_testing.joining import Newcomer, lumbung_offline
from lumbung_tools.access_toml import parse_access_toml
from lumbung_tools.client.profile import load_profile
from lumbung_tools.client.trust import read_roster
from lumbung_tools.localcluster.founding import Founded, found_cluster
from lumbung_tools.localcluster.sites import choose_sites
from lumbung_tools.output.exit_codes import ExitCode

_NOW_MS = 1_790_000_000_000
_CODE, _ADDRESS = "73.71", "127.0.0.1:16001"

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    folder = tmp_path_factory.mktemp("joining") / "cluster"
    return found_cluster(folder, choose_sites(("36.02", "34.04"), ["batam"], None), Language.ENGLISH, now_ms=_NOW_MS)


@pytest.fixture(scope="module")
def other_cluster(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    folder = tmp_path_factory.mktemp("joining") / "other"
    return found_cluster(folder, choose_sites(("36.02", "34.04"), ["batam"], None), Language.ENGLISH, now_ms=_NOW_MS)


@pytest.fixture
def newcomer(founded: Founded, tmp_path: Path) -> Newcomer:
    return _newcomer(founded, tmp_path, "office")


def _newcomer(founded: Founded, folder: Path, name: str) -> Newcomer:
    desk = folder / f"desk-{name}"
    desk.mkdir()
    return Newcomer(founded, folder / name, desk)


def _ready(newcomer: Newcomer) -> str:
    """Up to the pack; gives its fingerprint."""
    assert newcomer.init("--code", _CODE, address=_ADDRESS).code == ExitCode.OK
    assert newcomer.add().code == ExitCode.OK
    assert newcomer.plan_and_sign().code == ExitCode.OK
    made = newcomer.make_pack()
    assert made.code == ExitCode.OK, made.err
    return made.text("fingerprint")


def _files(folder: Path) -> Files:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_an_office_joins_by_the_commands_alone(newcomer: Newcomer) -> None:
    joined = newcomer.join(_ready(newcomer))

    assert (joined.code, joined.json["number"], joined.json["epoch"]) == (ExitCode.OK, 4, 2), joined.err
    config = load_config(newcomer.config)
    assert (config.name, config.number, config.listen) == (_CODE, 4, _ADDRESS)
    assert load_profile(newcomer.client).node == 4
    roster = SignedRoster.decode(config.roster.read_bytes()).parse()
    assert roster.is_active(NodeNumber(4))
    own = SignedAccess.decode(config.access_lists[0].read_bytes())
    assert access_objection(roster, None, own, Ed25519Verifier()) is None
    assert own.content.office == 4


def test_nodes_will_obey_the_roster_with_the_newcomer(newcomer: Newcomer) -> None:
    _ready(newcomer)

    held = newcomer.founded.folder / "roster.lumbung"
    assert lumbung_offline("roster", "check", newcomer.roster, "--held", held).json["verdict"] == "accept"


def test_each_step_typed_again_changes_nothing(newcomer: Newcomer) -> None:
    fingerprint = _ready(newcomer)
    before = _files(newcomer.home)
    again = newcomer.init("--code", _CODE, address=_ADDRESS)
    assert (again.code, again.json["changed"]) == (ExitCode.OK, False)
    added = newcomer.add(held=newcomer.desk / "next.toml")
    assert (added.code, added.json["number"], added.json["changed"]) == (ExitCode.OK, 4, False)
    assert _files(newcomer.home) == before
    assert newcomer.join(fingerprint).code == ExitCode.OK
    joined = _files(newcomer.home)
    again = newcomer.join(fingerprint)
    assert (again.code, again.json["changed"]) == (ExitCode.OK, False)
    assert _files(newcomer.home) == joined


def test_a_join_that_was_cut_off_is_ended_by_typing_it_again(newcomer: Newcomer) -> None:
    fingerprint = _ready(newcomer)
    newcomer.join(fingerprint)
    whole = _files(newcomer.home)
    for lost in (newcomer.config, newcomer.client / "profile.toml", newcomer.home / "node" / "keys" / "tls.chain.pem"):
        lost.unlink()

    assert newcomer.join(fingerprint).json["changed"] is True
    assert _files(newcomer.home) == whole


def test_a_dry_run_writes_nothing(newcomer: Newcomer) -> None:
    dry = newcomer.init("--code", _CODE, "--dry-run", address=_ADDRESS)
    assert (dry.code, dry.json["changed"], newcomer.home.exists()) == (ExitCode.OK, False, False)
    newcomer.init("--code", _CODE, address=_ADDRESS)
    assert newcomer.add("--dry-run").json["changed"] is False
    assert list(newcomer.desk.iterdir()) == []
    newcomer.add()
    newcomer.plan_and_sign()
    assert newcomer.make_pack("--dry-run").json["changed"] is False
    assert not newcomer.pack.exists()
    fingerprint = newcomer.make_pack().text("fingerprint")
    before = _files(newcomer.home)
    assert newcomer.join(fingerprint, "--dry-run").json["changed"] is False
    assert _files(newcomer.home) == before


def test_nothing_is_added_before_the_fingerprint_was_compared(newcomer: Newcomer) -> None:
    newcomer.init("--code", _CODE, address=_ADDRESS)
    to = newcomer.founded.folder / "roster.lumbung"
    draft = newcomer.desk / "next.toml"
    words = ("roster", "add", newcomer.request, "--to", to, "-o", draft)
    other = _newcomer(newcomer.founded, newcomer.home.parent, "other")
    other.init("--code", "51.71", address=_ADDRESS)
    slip = newcomer.init_fingerprint().translate(str.maketrans("01", "10"))

    assert lumbung_offline(*words).code == ExitCode.USAGE
    assert lumbung_offline(*words, "--fingerprint", slip).code == ExitCode.USAGE
    refused = lumbung_offline(*words, "--fingerprint", other.init_fingerprint())
    assert refused.code == ExitCode.REFUSED
    assert "altered or exchanged" in refused.err
    assert not draft.exists()


@pytest.mark.parametrize("at", [30, 200, -200, -1])
def test_an_altered_request_is_refused(newcomer: Newcomer, at: int) -> None:
    newcomer.init("--code", _CODE, address=_ADDRESS)
    raw = bytearray(newcomer.request.read_bytes())
    fingerprint = newcomer.init_fingerprint()
    raw[at] ^= 1
    altered = newcomer.desk / "altered.lumbung"
    altered.write_bytes(raw)
    to, draft = newcomer.founded.folder / "roster.lumbung", newcomer.desk / "next.toml"

    done = lumbung_offline("roster", "add", altered, "--to", to, "-o", draft, "--fingerprint", fingerprint)

    assert done.code == ExitCode.REFUSED, done.err
    assert not draft.exists()


def test_a_request_played_again_is_refused_with_what_it_made(newcomer: Newcomer) -> None:
    _ready(newcomer)
    (newcomer.desk / "next.toml").unlink()

    done = newcomer.add(held=newcomer.roster)

    assert done.code == ExitCode.REFUSED
    assert "was used before, for node 4 in epoch 2" in done.err
    assert not (newcomer.desk / "next.toml").exists()


def test_a_number_or_a_code_in_use_is_refused(newcomer: Newcomer, tmp_path: Path) -> None:
    newcomer.init("--code", _CODE, address=_ADDRESS)
    taken = newcomer.add("--number", "2")
    assert (taken.code, "number 2 is that of 34.04" in taken.err) == (ExitCode.REFUSED, True)
    van = newcomer.add("--number", str(2**24 + 256))
    assert van.code == ExitCode.REFUSED
    twin = _newcomer(newcomer.founded, tmp_path, "twin")
    twin.init("--code", "34.04", address=_ADDRESS)
    same = twin.add()
    assert (same.code, "--replaces 2" in same.err) == (ExitCode.REFUSED, True)
    assert list(newcomer.desk.iterdir()) == list(twin.desk.iterdir()) == []


def test_a_request_for_another_cluster_is_refused(newcomer: Newcomer, other_cluster: Founded) -> None:
    newcomer.init("--code", _CODE, address=_ADDRESS)

    done = newcomer.add(held=other_cluster.folder / "roster.lumbung")

    assert (done.code, "this request is for another cluster" in done.err) == (ExitCode.REFUSED, True)


def test_no_pack_is_made_by_a_roster_with_too_few_signatures(newcomer: Newcomer) -> None:
    newcomer.init("--code", _CODE, address=_ADDRESS)
    newcomer.add()
    newcomer.plan_and_sign(custodians=(3,))

    done = newcomer.make_pack()

    assert (done.code, "1 of the 2 custodians that are needed have signed" in done.err) == (ExitCode.REFUSED, True)
    assert not newcomer.pack.exists()


def test_no_pack_is_made_by_a_roster_that_does_not_name_the_asker(newcomer: Newcomer) -> None:
    newcomer.init("--code", _CODE, address=_ADDRESS)
    shutil.copy(newcomer.founded.folder / "roster.lumbung", newcomer.roster)

    done = newcomer.make_pack()

    assert (done.code, "lumbung roster add" in done.err) == (ExitCode.REFUSED, True)


def test_a_pack_of_another_office_or_cluster_or_altered_is_refused(
    newcomer: Newcomer, other_cluster: Founded, tmp_path: Path
) -> None:
    _ready(newcomer)
    neighbour = _newcomer(newcomer.founded, tmp_path, "neighbour")
    stranger = _newcomer(other_cluster, tmp_path, "stranger")
    prints = {each: _ready(each) for each in (neighbour, stranger)}
    before = _files(newcomer.home)

    of_office = newcomer.join(prints[neighbour], pack=neighbour.pack)
    assert (of_office.code, "answers the request of another machine" in of_office.err) == (ExitCode.REFUSED, True)
    of_cluster = newcomer.join(prints[stranger], pack=stranger.pack)
    assert (of_cluster.code, "this pack is of another cluster" in of_cluster.err) == (ExitCode.REFUSED, True)
    other_kind = newcomer.join(prints[neighbour], pack=newcomer.request)
    assert (other_kind.code, "expected an enrolment pack" in other_kind.err) == (ExitCode.REFUSED, True)
    wrong_print = newcomer.join(prints[neighbour])
    assert wrong_print.code == ExitCode.REFUSED
    assert _files(newcomer.home) == before


def test_a_pack_whose_certificate_is_another_authoritys_is_refused(newcomer: Newcomer, other_cluster: Founded) -> None:
    _ready(newcomer)
    newcomer.pack.unlink()
    words = ("--secret", newcomer.founded.folder / "centre-OFFLINE" / "cluster.secret", "-o", newcomer.pack)
    authority = other_cluster.folder / "authority-OFFLINE"
    made = lumbung_offline(
        "roster", "pack", newcomer.request, "--roster", newcomer.roster, "--authority", authority, *words
    )
    done = newcomer.join(made.text("fingerprint"))

    assert (done.code, "an authority of the roster" in done.err) == (ExitCode.REFUSED, True)
    assert not newcomer.config.exists()


def test_keys_that_are_not_those_of_the_request_join_nothing(newcomer: Newcomer, tmp_path: Path) -> None:
    fingerprint = _ready(newcomer)
    other = _newcomer(newcomer.founded, tmp_path, "other")
    other.init("--code", "51.71", address=_ADDRESS)
    shutil.copy(other.home / "node" / "keys" / "entry.key.pem", newcomer.home / "node" / "keys" / "entry.key.pem")

    done = newcomer.join(fingerprint)

    assert (done.code, "expected the keys of the join request" in done.err) == (ExitCode.REFUSED, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--code", "36.22"), "36.02 (Kabupaten Lebak)"),
        (("--drc", "btam"), "near ones: batam"),
        (("--code", _CODE, "--drc", "batam"), "one of --code, --drc and --van"),
        (("--code", _CODE, "--load", "much"), "a size such as 500GB"),
        (("--code", _CODE, "--listen", "nowhere"), "host:port, such as"),
        (("--code", _CODE, "--reach", "sometimes"), "public, dial-only or vpn:NAME"),
        (("--code", "36.99", "--province", "36"), "--province and --zone together"),
        (("--code", "36.99", "--province", "36", "--zone", "Jawa\nrole: drc"), "text without control characters"),
    ],
)
def test_what_cannot_be_a_node_is_said_and_nothing_is_made(
    newcomer: Newcomer, words: tuple[str, ...], said: str
) -> None:
    done = newcomer.init(*words, address=_ADDRESS)

    assert (done.code, said in done.err) == (ExitCode.USAGE, True), done.err
    assert not newcomer.home.exists()


def test_a_region_that_was_split_off_since_joins_by_its_own_words(newcomer: Newcomer) -> None:
    facts = ("--code", "36.99", "--province", "36", "--zone", "Jawa", "--load", "3GB")
    assert newcomer.init(*facts, address=_ADDRESS).code == ExitCode.OK

    request = SignedJoin.decode(newcomer.request.read_bytes()).request
    assert (request.name, request.province, request.hazard_zone, request.load_bytes) == (
        "36.99",
        "36",
        "Jawa",
        3 * 10**9,
    )


def test_a_folder_in_which_something_is_stays_as_it_is(newcomer: Newcomer) -> None:
    newcomer.home.mkdir()
    (newcomer.home / "mine").write_text("x")

    assert newcomer.init("--code", _CODE, address=_ADDRESS).code == ExitCode.USAGE
    assert [entry.name for entry in newcomer.home.iterdir()] == ["mine"]


def test_an_age_identity_that_the_roster_does_not_name_joins_nothing(newcomer: Newcomer, tmp_path: Path) -> None:
    fingerprint = _ready(newcomer)
    identity = newcomer.client / "office.agekey"
    kept = identity.rename(tmp_path / "kept.agekey")
    assert lumbung_offline("keys", "new", "age", identity).code == ExitCode.OK

    done = newcomer.join(fingerprint)
    assert (done.code, "expected the age identity that the roster names" in done.err) == (ExitCode.REFUSED, True)
    assert not newcomer.config.exists()
    identity.unlink()
    assert newcomer.join(fingerprint).code == ExitCode.OK, "it may lie in its safe already"
    assert kept.exists()


def test_another_office_is_not_made_in_a_folder_that_has_one(newcomer: Newcomer) -> None:
    newcomer.init("--code", _CODE, address=_ADDRESS)
    before = _files(newcomer.home)

    assert newcomer.init("--code", "51.71", address=_ADDRESS).code == ExitCode.USAGE
    assert _files(newcomer.home) == before


def test_two_join_in_one_epoch(newcomer: Newcomer, tmp_path: Path) -> None:
    newcomer.init("--code", _CODE, address=_ADDRESS)
    newcomer.add()
    second = _newcomer(newcomer.founded, tmp_path, "second")
    second.init("--drc", "surabaya", address="127.0.0.1:16002")
    added = second.add(held=newcomer.desk / "next.toml")

    assert (added.code, added.json["number"], added.json["role"], added.json["epoch"]) == (ExitCode.OK, 5, "drc", 2)
    assert second.plan_and_sign().code == ExitCode.OK
    made = second.make_pack()
    assert second.join(made.text("fingerprint")).code == ExitCode.OK
    assert load_config(second.config).name == "drc-surabaya"


# --- access lists and vans -------------------------------------------------------------------------------------


def _list_of(founded: Founded, office: str) -> Path:
    return founded.folder / "nodes" / office / f"access-{office}.lumbung"


def _station(founded: Founded, office: str, name: str, folder: Path) -> Path:
    """A certificate for a station of that office."""
    number = next(site.number for site in founded.sites if site.name == office)
    identity = f"lumbung://{founded.roster.cluster}/access/{number}/{name}"
    key, request, certificate = (folder / f"{name}.{ending}" for ending in ("key", "request", "crt"))
    authority = ("--authority", founded.folder / "authority-OFFLINE", "--identity", identity)
    assert lumbung_offline("keys", "new", "tls", key).code == ExitCode.OK
    assert lumbung_offline("cert", "request", "--key", key, "-o", request).code == ExitCode.OK
    assert lumbung_offline("cert", "issue", request, *authority, "-o", certificate).code == ExitCode.OK
    return certificate


def test_a_station_comes_onto_the_list_and_goes_from_it(founded: Founded, tmp_path: Path) -> None:
    office, held = "36.02", _list_of(founded, "36.02")
    key, roster = founded.folder / "access-OFFLINE" / f"{office}.key.pem", founded.folder / "roster.lumbung"
    station = _station(founded, office, "loket-1", tmp_path)
    names = [tmp_path / f"{n}.toml" for n in (2, 3)]
    lists = [tmp_path / f"{n}.lumbung" for n in (2, 3)]
    sign = ("--key", key, "--roster", roster)

    assert lumbung_offline("access", "add", station, "--list", held, "-o", names[0], "--dry-run").code == ExitCode.OK
    assert not names[0].exists()
    assert lumbung_offline("access", "add", station, "--list", held, "-o", names[0]).json["version"] == 2
    assert lumbung_offline("access", "sign", names[0], *sign, "--held", held, "-o", lists[0]).code == ExitCode.OK
    shown = lumbung_offline("access", "show", lists[0]).json
    assert [caller["name"] for caller in shown["callers"]] == ["loket-1", "operator"]  # type: ignore[attr-defined]
    assert lumbung_offline("access", "revoke", "loket-1", "--list", lists[0], "-o", names[1]).json["version"] == 3
    assert lumbung_offline("access", "sign", names[1], *sign, "--held", lists[0], "-o", lists[1]).code == ExitCode.OK
    assert [entry.name for entry in SignedAccess.decode(lists[1].read_bytes()).content.entries] == ["operator"]


def test_a_list_is_signed_anew_with_nothing_changed(founded: Founded, tmp_path: Path) -> None:
    held = _list_of(founded, "36.02")
    draft, output = tmp_path / "2.toml", tmp_path / "2.lumbung"
    sign = ("--key", founded.folder / "access-OFFLINE" / "36.02.key.pem", "--roster", founded.folder / "roster.lumbung")

    assert lumbung_offline("access", "next", held, "-o", draft).json["version"] == 2
    assert lumbung_offline("access", "sign", draft, *sign, "--held", held, "-o", output).code == ExitCode.OK
    before, after = (SignedAccess.decode(file.read_bytes()).content for file in (held, output))
    assert (after.version, after.entries) == (before.version + 1, before.entries)


def test_a_list_that_nodes_would_refuse_is_not_signed(founded: Founded, tmp_path: Path) -> None:
    held, roster = _list_of(founded, "36.02"), founded.folder / "roster.lumbung"
    other_key = founded.folder / "access-OFFLINE" / "34.04.key.pem"
    key = founded.folder / "access-OFFLINE" / "36.02.key.pem"
    draft, output = tmp_path / "2.toml", tmp_path / "2.lumbung"
    lumbung_offline("access", "revoke", "operator", "--list", held, "-o", draft)

    wrong = lumbung_offline("access", "sign", draft, "--key", other_key, "--roster", roster, "-o", output)
    assert (wrong.code, "a key that the roster of epoch 1 does not name" in wrong.err) == (
        ExitCode.REFUSED,
        True,
    )
    assert lumbung_offline("access", "sign", draft, "--key", key, "--roster", roster, "-o", output).code == ExitCode.OK
    again = tmp_path / "again.lumbung"
    older = lumbung_offline("access", "sign", draft, "--key", key, "--roster", roster, "--held", output, "-o", again)
    assert older.code == ExitCode.OK, "the very list that is held"
    edited = tmp_path / "edited.toml"
    edited.write_text(draft.read_text().replace("created_ms = ", "created_ms = 1"))
    older = lumbung_offline("access", "sign", edited, "--key", key, "--roster", roster, "--held", output, "-o", edited)
    assert (older.code, "is not above the one in force (version 2)" in older.err) == (ExitCode.REFUSED, True)


def test_a_name_that_is_not_on_the_list_cannot_be_revoked(founded: Founded, tmp_path: Path) -> None:
    held = _list_of(founded, "36.02")
    done = lumbung_offline("access", "revoke", "loket-9", "--list", held, "-o", tmp_path / "2.toml")
    assert (done.code, "Known: operator" in done.err) == (ExitCode.USAGE, True)
    assert not (tmp_path / "2.toml").exists()


def test_an_office_names_its_own_van_without_a_roster(newcomer: Newcomer) -> None:
    office, van = "36.02", "36.02-van1"
    newcomer.init("--van", van, "--reach", "dial-only", address=_ADDRESS)
    listed = newcomer.name_van(office, _list_of(newcomer.founded, office))
    shutil.copy(newcomer.founded.folder / "roster.lumbung", newcomer.roster)
    own = newcomer.desk / "authority-36.02"
    root, cluster = newcomer.founded.folder / "authority-OFFLINE", str(newcomer.founded.roster.cluster)
    under = lumbung_offline("cert", "authority", own, "--cluster", cluster, "--name", office, "--under", root)
    assert under.code == ExitCode.OK, under.err
    made = newcomer.make_pack("--access", listed, authority=own)
    assert made.code == ExitCode.OK, made.err
    joined = newcomer.join(made.text("fingerprint"))

    first = newcomer.founded.roster.nodes[0].vans
    assert first is not None
    assert (joined.code, joined.json["number"], joined.json["epoch"]) == (ExitCode.OK, first.first, 1), joined.err
    config = load_config(newcomer.config)
    assert (config.name, config.number) == (van, first.first)
    profile = load_profile(newcomer.client)
    assert (profile.node, profile.identities) == (first.first, ())
    assert profile.access_list.exists()
    found = read_roster(profile.roster, profile.cluster, Ed25519Verifier())
    known = found.naming_vans(profile.access_list.read_bytes(), Ed25519Verifier())
    assert known.name(first.first) == van
    assert known.seal_recipients(profile.node) == found.seal_recipients(NodeNumber(1))


def test_a_lost_van_ends_with_the_bound_that_its_holders_tell(newcomer: Newcomer) -> None:
    newcomer.init("--van", "36.02-van1", address=_ADDRESS)
    listed = newcomer.name_van("36.02", _list_of(newcomer.founded, "36.02"))
    bound, output = f"2:41:{'ab' * 32}", newcomer.desk / "lost.toml"

    refused = lumbung_offline("access", "revoke", "operator", "--list", listed, "--bound", bound, "-o", output)
    assert (refused.code, "exactly one van" in refused.err, output.exists()) == (ExitCode.USAGE, True, False)
    warned = lumbung_offline("access", "revoke", "36.02-van1", "--list", listed, "-o", output, "--dry-run")
    assert (warned.code, "ends without a bound" in warned.err) == (ExitCode.OK, True)
    done = lumbung_offline("access", "revoke", "36.02-van1", "--list", listed, "--bound", bound, "-o", output)

    assert (done.code, done.err) == (ExitCode.OK, "")
    (van,) = parse_access_toml(output.read_text(encoding="utf-8")).vans
    assert van.is_gone
    assert van.bound == Mark(Generation(2), 41, b"\xab" * 32)


def test_a_van_typed_twice_is_named_once(newcomer: Newcomer) -> None:
    newcomer.init("--van", "36.02-van1", address=_ADDRESS)
    listed = newcomer.name_van("36.02", _list_of(newcomer.founded, "36.02"))
    words = ("--roster", newcomer.founded.folder / "roster.lumbung", "-o", newcomer.desk / "again.toml")

    again = lumbung_offline("access", "add-van", newcomer.request, "--list", listed, *words)

    assert (again.code, again.json["changed"]) == (ExitCode.OK, False)
    assert not (newcomer.desk / "again.toml").exists()


def test_a_van_of_another_office_is_refused(newcomer: Newcomer) -> None:
    newcomer.init("--van", "36.02-van1", address=_ADDRESS)
    held = _list_of(newcomer.founded, "34.04")
    words = ("--roster", newcomer.founded.folder / "roster.lumbung", "-o", newcomer.desk / "2.toml")
    print_ = newcomer.init_fingerprint()

    done = lumbung_offline("access", "add-van", newcomer.request, "--list", held, *words, "--fingerprint", print_)

    assert (done.code, "is no van of 34.04" in done.err) == (ExitCode.REFUSED, True)
    assert not (newcomer.desk / "2.toml").exists()


def test_no_secret_of_the_office_is_in_its_request_or_pack(newcomer: Newcomer) -> None:
    _ready(newcomer)
    secret = (newcomer.founded.folder / "centre-OFFLINE" / "cluster.secret").read_bytes()
    for file in (newcomer.request, newcomer.pack):
        assert b"PRIVATE KEY" not in file.read_bytes()
        assert secret.split()[1] not in file.read_bytes()
    assert SignedJoin.decode(newcomer.request.read_bytes()).request.name == _CODE
