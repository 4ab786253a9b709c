"""A founded cluster: everything in it fits together, and no node is given what it must not have."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from cryptography import x509

from lumbung_cluster.access import SignedAccess, access_objection
from lumbung_cluster.identity_uri import AccessIdentity, NodeIdentity, parse_identity
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import Role
from lumbung_cluster.roster_rules import count_signatures
from lumbung_node.adapters.keys.certificates import pin_of_public_key, public_key_of, read_certificate
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.config import Language, NodeConfig, load_config
from lumbung_node.ports.transport import Transport
from lumbung_tools.client.profile import Profile, load_profile
from lumbung_tools.client.trust import VerifiedRoster, read_roster
from lumbung_tools.localcluster.founding import Founded, found_cluster
from lumbung_tools.localcluster.sites import NoSuchPlan, choose_sites
from lumbung_tools.main import run
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.sealing import Identities, open_sealed, seal

_NOW_MS = 1_790_000_000_000
_OFFICES = ("36.02", "34.04", "73.71")


def _no_transport(profile: Profile) -> AbstractAsyncContextManager[Transport]:
    raise AssertionError(f"founding a cluster dials nobody, got {profile}")


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    folder = tmp_path_factory.mktemp("founding") / "cluster"
    return found_cluster(folder, choose_sites(_OFFICES, ["batam"], None), Language.ENGLISH, now_ms=_NOW_MS)


@pytest.fixture(scope="module")
def verified(founded: Founded) -> VerifiedRoster:
    return read_roster(founded.folder / "roster.lumbung", founded.roster.cluster, Ed25519Verifier())


def _configs(founded: Founded) -> Iterator[NodeConfig]:
    for site in founded.sites:
        yield load_config(founded.folder / "nodes" / site.name / "config.toml")


def _number(roster: Roster, name: str) -> NodeNumber:
    record = roster.by_name(name)
    assert record is not None
    return record.number


def test_every_node_has_a_config_that_loads_with_private_secrets(founded: Founded) -> None:
    configs = list(_configs(founded))
    assert [config.name for config in configs] == [*_OFFICES, "drc-batam"]
    for config, site in zip(configs, founded.sites, strict=True):
        assert (config.number, config.listen, config.language) == (site.number, site.address, Language.ENGLISH)


def test_a_whole_cluster_can_be_moved(tmp_path: Path) -> None:
    found_cluster(tmp_path / "old", choose_sites(["36.02"], ["batam"], None), Language.ENGLISH, now_ms=_NOW_MS)
    (tmp_path / "old").rename(tmp_path / "new")
    for name in ("36.02", "drc-batam"):
        assert load_config(tmp_path / "new" / "nodes" / name / "config.toml").data.is_relative_to(tmp_path / "new")
        assert load_profile(tmp_path / "new" / "clients" / name).key.exists()


def test_the_roster_is_signed_by_two_of_three_custodians_and_not_by_the_recovery_set(verified: VerifiedRoster) -> None:
    roster = verified.roster
    assert (roster.custodians.threshold, len(roster.custodians.members)) == (2, 3)
    assert count_signatures(roster.custodians, verified.signed, Ed25519Verifier()) == 2
    assert count_signatures(roster.recovery, verified.signed, Ed25519Verifier()) == 0
    assert roster.recovery.threshold >= 1


def test_every_office_has_holders_in_another_province_and_at_the_drc(verified: VerifiedRoster) -> None:
    roster = verified.roster
    drc = _number(roster, "drc-batam")
    for name in _OFFICES:
        origin = _number(roster, name)
        for unit in range(64):
            first, *others = roster.holders_of(origin, unit)
            assert first == origin
            assert drc in others
            provinces = {record.province for number in others if (record := roster.node(number)) is not None}
            assert name[:2] not in provinces
            assert len(others) == 2


def test_certificates_keys_and_roster_name_the_same_node(founded: Founded, verified: VerifiedRoster) -> None:
    for config in _configs(founded):
        leaf = config.keys.tls_chain.read_bytes()
        facts = read_certificate(leaf)
        assert facts.uri == NodeIdentity(verified.roster.cluster, config.number).uri
        assert verified.roster.tls_pins(config.number) == (facts.pin,)
        assert pin_of_public_key(public_key_of(config.keys.tls_key.read_bytes())) == facts.pin
        root = x509.load_pem_x509_certificate(config.keys.trust_roots.read_bytes())
        x509.load_pem_x509_certificate(leaf).verify_directly_issued_by(root)
        assert config.keys.trust_roots.read_text() == verified.roster.trust_roots_pem()


def test_every_holder_starts_with_a_valid_access_list_of_each_origin_that_it_keeps(
    founded: Founded, verified: VerifiedRoster
) -> None:
    for config in _configs(founded):
        lists = [SignedAccess.decode(path.read_bytes()) for path in config.access_lists]
        offices = {signed.content.office for signed in lists}
        assert offices == set(verified.roster.origins_held(config.number))
        for signed in lists:
            assert access_objection(verified.roster, None, signed, Ed25519Verifier()) is None


def test_each_operator_is_the_one_whom_the_access_list_names(founded: Founded) -> None:
    for config in _configs(founded):
        profile = load_profile(founded.client_home(config.name))
        facts = read_certificate(profile.certificate.read_bytes())
        assert facts.uri is not None
        identity = parse_identity(facts.uri)
        assert isinstance(identity, AccessIdentity)
        assert identity.office == config.number == profile.node
        own = [SignedAccess.decode(path.read_bytes()) for path in config.access_lists]
        entry = next(signed.content.entry(identity.name) for signed in own if signed.content.office == config.number)
        assert entry is not None
        assert entry.pins == (facts.pin,)
        assert entry.valid_from_ms < _NOW_MS < entry.valid_until_ms


def test_what_an_office_seals_opens_with_its_own_key_and_with_each_escrow_key(
    founded: Founded, verified: VerifiedRoster
) -> None:
    profile = load_profile(founded.client_home("36.02"))
    sealed = io.BytesIO()
    hasher = profile.read_tag_secret().content_hasher()
    seal(io.BytesIO(b"biometrics"), sealed, verified.seal_recipients(profile.node), hasher)
    escrow = sorted((founded.folder / "escrow-OFFLINE").iterdir())
    assert len(escrow) == 2
    for identities in (profile.read_identities(), *(Identities.parse_files([file.read_text()]) for file in escrow)):
        opened = io.BytesIO()
        open_sealed(io.BytesIO(sealed.getvalue()), opened, identities)
        assert opened.getvalue() == b"biometrics"


def test_no_home_of_a_node_holds_a_key_that_opens_a_blob(founded: Founded) -> None:
    files = [file for file in (founded.folder / "nodes").rglob("*") if file.is_file()]
    assert len(files) > 4 * len(founded.sites)
    assert not any(b"AGE-SECRET-KEY-" in file.read_bytes() for file in files)


def test_offices_share_no_secret_but_the_clusters(founded: Founded) -> None:
    cluster_secrets, others = set(), []
    for config in _configs(founded):
        cluster_secrets.add(config.keys.cluster_secret.read_bytes())
        others += [file.read_bytes() for file in config.keys.secrets() if file != config.keys.cluster_secret]
        others.append(load_profile(founded.client_home(config.name)).tag_secret.read_bytes())
    assert len(cluster_secrets) == 1
    assert len(set(others)) == len(others)


def test_the_role_of_each_node_is_what_its_name_says(verified: VerifiedRoster) -> None:
    roles = {node.name: node.role for node in verified.roster.nodes}
    assert roles == {**dict.fromkeys(_OFFICES, Role.OFFICE), "drc-batam": Role.DRC}


def test_the_command_makes_it_and_says_what_comes_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "cluster"
    arguments = ["--lang", "en", "cluster", "new", str(folder), "--offices", "36.02,34.04", "--drc", "batam"]
    assert run([*arguments, "--drc", "surabaya"], _no_transport) == ExitCode.OK
    said = capsys.readouterr().out
    assert "Kabupaten Sleman" in said
    assert "drc-surabaya" in said
    assert f"lumbung cluster up {folder}" in said
    assert f"lumbung --home {folder / 'clients' / '36.02'} put FILE" in said


def test_the_command_says_the_same_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "cluster"
    arguments = ["--json", "cluster", "new", str(folder), "--offices", "36.02,34.04", "--drc", "batam"]
    assert run(arguments, _no_transport) == ExitCode.OK
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "lumbung.cluster.new/1"
    assert [node["name"] for node in said["nodes"]] == ["36.02", "34.04", "drc-batam"]
    assert said["nodes"][0]["holders"] == ["34.04", "drc-batam"]


def test_a_folder_in_which_something_is_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").write_text("x")
    arguments = ["--lang", "en", "cluster", "new", str(tmp_path), "--offices", "36.02", "--drc", "batam"]
    assert run(arguments, _no_transport) == ExitCode.USAGE
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine"]
    assert "name a new or empty folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("offices", "drc", "said"),
    [
        ("36.22", "batam", "36.02 (Kabupaten Lebak)"),
        ("36.02", "btam", "near ones: batam"),
        ("36.02,36.02", "batam", "36.02 stands there twice"),
    ],
)
def test_what_cannot_be_a_cluster_is_said_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], offices: str, drc: str, said: str
) -> None:
    arguments = ["--lang", "en", "cluster", "new", str(tmp_path / "new"), "--offices", offices, "--drc", drc]
    assert run(arguments, _no_transport) == ExitCode.USAGE
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_ports_rise_from_the_base_port_and_one_in_use_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(NoSuchPlan, match=f"port {port} is in use"):
            choose_sites(["36.02"], ["batam"], port - 1)
    free = choose_sites(["36.02"], ["batam"], None)[0].port
    assert [site.port for site in choose_sites(["36.02"], ["batam"], free)] == [free, free + 1]
