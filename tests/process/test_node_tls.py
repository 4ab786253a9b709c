"""A node renews its certificate at half of its life, and never takes one into use that others would not believe."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.identity_uri import NodeIdentity
from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_node.adapters.identity_folder import replace_file
from lumbung_node.adapters.keys.certificates import (
    Authority,
    make_authority,
    make_tls_key,
    public_key_of,
    read_certificate,
)
from lumbung_node.adapters.keys.key_files import write_public, write_secret
from lumbung_node.adapters.node_tls import NodeTls
from lumbung_node.config import KeyFiles, load_config, render_config
from lumbung_testing.office_days import until_status
from lumbung_testing.real_clusters import found, lumbung, run_up

CLUSTER = ClusterId(bytes(range(16)))
NODE = NodeIdentity(CLUSTER, NodeNumber(7))
DAY_MS = 24 * 3600 * 1000
NOW_MS = 1_790_000_000_000
FOUNDED_MS = NOW_MS - 1500 * DAY_MS
ROOT = make_authority(CLUSTER, "ca", now_ms=FOUNDED_MS)
OFFICE = ROOT.issue_authority(CLUSTER, "36.02", now_ms=FOUNDED_MS)


class Home:
    """The key files of node 7, its certificate 1,000 days old, and an authority beside them."""

    def __init__(self, folder: Path, authority: Authority = OFFICE) -> None:
        self.key = make_tls_key()
        write_secret(folder / "key", self.key)
        write_public(folder / "chain", self.issued(ROOT, NOW_MS - 1000 * DAY_MS))
        write_public(folder / "roots", ROOT.certificate_pem)
        (folder / "authority").mkdir()
        write_public(folder / "authority" / "authority.crt", authority.certificate_pem)
        write_secret(folder / "authority" / "authority.key", authority.key_pem)
        names = ("chain", "key", "roots", "entry", "receipt", "secret")
        files = KeyFiles(*(folder / name for name in names))
        self.files = replace(files, authority=folder / "authority")
        self.pin = read_certificate(self.chain).pin
        self.tls = NodeTls(self.files, self.pin)

    @property
    def chain(self) -> bytes:
        return self.files.tls_chain.read_bytes()

    def issued(self, authority: Authority, now_ms: int, identity: NodeIdentity = NODE) -> bytes:
        return authority.issue(identity, public_key_of(self.key), now_ms=now_ms)


def test_a_certificate_past_half_of_its_life_is_renewed_under_the_same_key(tmp_path: Path) -> None:
    home = Home(tmp_path)

    assert home.tls.renew_when_due(home.pin, NOW_MS)
    assert not home.tls.renew_when_due(home.pin, NOW_MS), "the new one is young"

    facts = read_certificate(home.tls.checked(home.pin).certificate_chain_pem)
    assert (facts.uri, facts.pin) == (NODE.uri, home.pin)
    assert facts.not_after_ms > NOW_MS + 1800 * DAY_MS
    assert home.files.tls_chain.stat().st_mode & 0o777 == 0o644


def test_without_an_authority_in_the_configuration_nothing_is_renewed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert not NodeTls(replace(home.files, authority=None), home.pin).renew_when_due(home.pin, NOW_MS)


def test_a_clock_that_was_reset_renews_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    before = home.chain
    with pytest.raises(KeyRefused, match="set the clock"):
        home.tls.renew_when_due(home.pin, 1_483_228_800_000)
    assert home.chain == before


def test_an_authority_that_the_trust_roots_do_not_know_renews_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path, make_authority(CLUSTER, "other", now_ms=FOUNDED_MS))
    before = home.chain
    with pytest.raises(KeyRefused, match="trust roots beside the certificate"):
        home.tls.renew_when_due(home.pin, NOW_MS)
    assert home.chain == before


@pytest.mark.parametrize("whose", ["another authority's", "another node's"])
def test_a_certificate_that_would_cut_the_node_off_is_not_taken_into_use(whose: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    if whose == "another node's":
        wrong = home.issued(ROOT, NOW_MS, NodeIdentity(CLUSTER, NodeNumber(8)))
    else:
        wrong = home.issued(make_authority(CLUSTER, "other", now_ms=FOUNDED_MS), NOW_MS)
    replace_file(home.files.tls_chain, wrong)

    with pytest.raises(KeyRefused, match="expected"):
        home.tls.checked(home.pin)


def test_a_file_is_never_replaced_through_a_link_that_somebody_laid(tmp_path: Path) -> None:
    """Root renews certificates in a folder that the node's account may write to."""
    victim = tmp_path / "shadow"
    victim.write_bytes(b"root's own")
    (tmp_path / ".chain.new").symlink_to(victim)

    replace_file(tmp_path / "chain", b"certificate")

    assert victim.read_bytes() == b"root's own"
    assert (tmp_path / "chain").read_bytes() == b"certificate"


def test_the_command_refuses_an_authority_that_nobody_trusts(tmp_path: Path) -> None:
    key, now_ms = make_tls_key(), int(time.time()) * 1000
    ours, other = (make_authority(CLUSTER, name, now_ms=now_ms) for name in ("ours", "other"))
    held = ours.issue(NODE, public_key_of(key), now_ms=now_ms)
    write_public(tmp_path / "tls.chain.pem", held)
    write_public(tmp_path / "trust-roots.pem", ours.certificate_pem)
    write_public(tmp_path / "authority.crt", other.certificate_pem)
    write_secret(tmp_path / "authority.key", other.key_pem)

    done = lumbung("cert", "renew", tmp_path / "tls.chain.pem", "--authority", tmp_path, "--now")

    assert done.returncode == 2, done.stderr
    assert (tmp_path / "tls.chain.pem").read_bytes() == held


async def test_a_running_node_renews_its_certificate_and_speaks_with_it(tmp_path: Path) -> None:
    founded = found(tmp_path, ("36.02",))
    file = founded.folder / "nodes" / "36.02" / "config.toml"
    config, kept = load_config(file), founded.folder / "authority-OFFLINE"
    root = Authority((kept / "authority.crt").read_bytes(), (kept / "authority.key").read_bytes())
    now_ms = int(time.time()) * 1000
    office = root.issue_authority(founded.roster.cluster, "36.02", now_ms=now_ms)
    folder = file.parent / "authority"
    folder.mkdir(mode=0o700)
    write_public(folder / "authority.crt", office.certificate_pem)
    write_secret(folder / "authority.key", office.key_pem)
    identity = NodeIdentity(founded.roster.cluster, config.number)
    public = public_key_of(config.keys.tls_key.read_bytes())
    config.keys.tls_chain.write_bytes(root.issue(identity, public, now_ms=now_ms, lifetime_days=100))
    file.write_text(render_config(replace(config, keys=replace(config.keys, authority=folder))), encoding="utf-8")
    assert load_config(file).keys.authority == folder.resolve()

    async with run_up(founded) as cluster:
        await cluster.start(cluster.names)
        await until_status(founded, "36.02", lambda told: told.certificate_expires_ms > now_ms + 1800 * DAY_MS)
