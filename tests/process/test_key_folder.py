"""The keys of a node on disk: the next one beside the present one, and the memory of which is in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.identity_uri import NodeIdentity
from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_node.adapters.keys.certificates import Authority, make_authority, make_tls_key, public_key_of
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.adapters.keys.key_files import write_public, write_secret
from lumbung_node.adapters.keys.key_folder import KEYS_FILE, KeyFolder, next_file
from lumbung_node.config import KeyFiles
from lumbung_node.ports.keystore import KeysInUse
from lumbung_testing.real_clusters import now_ms
from lumbung_testing.world import ListLog

CLUSTER = ClusterId(bytes(16))
USED = KeysInUse(b"e" * 32, b"r" * 32, b"t" * 32)


def write_tls(key_file: Path, chain_file: Path, authority: Authority) -> None:
    key = make_tls_key()
    write_secret(key_file, key)
    leaf = authority.issue(NodeIdentity(CLUSTER, NodeNumber(1)), public_key_of(key), now_ms=now_ms())
    write_public(chain_file, leaf)


@pytest.fixture
def authority() -> Authority:
    return make_authority(CLUSTER, "ca", now_ms=now_ms())


@pytest.fixture
def files(tmp_path: Path, authority: Authority) -> KeyFiles:
    names = ("chain", "key", "roots", "entry", "receipt", "secret")
    made = KeyFiles(*(tmp_path / name for name in names))
    Ed25519Signer.generate().save(made.entry_key)
    Ed25519Signer.generate().save(made.receipt_key)
    write_tls(made.tls_key, made.tls_chain, authority)
    return made


async def test_next_keys_are_at_hand_as_soon_as_they_lie_there_whole(
    tmp_path: Path, files: KeyFiles, authority: Authority
) -> None:
    folder = KeyFolder(files, tmp_path, ListLog())
    before = await folder.at_hand()
    following = Ed25519Signer.generate()
    following.save(next_file(files.entry_key))
    write_tls(next_file(files.tls_key), next_file(files.tls_chain), authority)
    after = await folder.at_hand()

    assert [len(keys) for keys in (before.entry, before.receipt, before.tls_pins)] == [1, 1, 1]
    assert [signer.public_key for signer in after.entry] == [before.entry[0].public_key, following.public_key]
    assert (len(after.receipt), len(after.tls_pins)) == (1, 2)


async def test_a_next_key_that_is_not_in_order_stops_no_node_and_is_said_once(tmp_path: Path, files: KeyFiles) -> None:
    log = ListLog()
    folder = KeyFolder(files, tmp_path, log)
    next_file(files.entry_key).write_bytes(b"half of a key")  # and open to others
    for _ in range(3):
        assert len((await folder.at_hand()).entry) == 1
    assert len(log.said("next key passed over")) == 1
    next_file(files.entry_key).unlink()
    write_secret(next_file(files.tls_key), make_tls_key())  # without its certificate

    assert len((await folder.at_hand()).tls_pins) == 1


async def test_a_present_key_that_is_not_in_order_is_refused(
    tmp_path: Path, files: KeyFiles, authority: Authority
) -> None:
    files.tls_chain.unlink()
    stranger = authority.issue(NodeIdentity(CLUSTER, NodeNumber(1)), public_key_of(make_tls_key()), now_ms=now_ms())
    write_public(files.tls_chain, stranger)

    with pytest.raises(KeyRefused, match="expected the certificate of"):
        await KeyFolder(files, tmp_path, ListLog()).at_hand()


async def test_what_is_in_use_survives_a_restart(tmp_path: Path, files: KeyFiles) -> None:
    assert await KeyFolder(files, tmp_path, ListLog()).in_use() == KeysInUse()

    await KeyFolder(files, tmp_path, ListLog()).remember(USED)

    assert await KeyFolder(files, tmp_path, ListLog()).in_use() == USED


@pytest.mark.parametrize("content", ["", "[]", '{"format": 9}', '{"format": 0, "entry": "zz"}'])
async def test_a_memory_that_cannot_be_read_is_refused_with_the_cure(
    tmp_path: Path, files: KeyFiles, content: str
) -> None:
    (tmp_path / KEYS_FILE).write_text(content)

    with pytest.raises(KeyRefused, match=r"keys\.json"):
        await KeyFolder(files, tmp_path, ListLog()).in_use()
