"""The profile: written and read alike, and strict."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import trio

from lumbung_cluster.errors import KeyRefused
from lumbung_node.toml_table import ConfigError
from lumbung_testing.direct_channel import DirectTransport
from lumbung_testing.profiles import make_profile
from lumbung_testing.rosters import TestVerifier, founding, signed, successor
from lumbung_tools.client.profile import PROFILE_FILE, load_profile, write_profile
from lumbung_tools.client.session import Session
from lumbung_tools.client.trust import read_roster, renew_roster


def test_a_profile_reads_as_it_was_written(tmp_path: Path) -> None:
    profile = replace(make_profile(tmp_path).profile, address="127.0.0.1:7443")
    write_profile(profile)

    assert load_profile(tmp_path) == profile


def test_a_profile_can_be_moved_as_a_whole(tmp_path: Path) -> None:
    make_profile(tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")

    assert load_profile(tmp_path / "there").roster.exists()


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("format = 1", "format = 2", "reads format 1"),
        ("node = 1", "nodes = 1", "node"),
        ("node = 1", "node = 0", "1 to"),
        ('address = "roster"', 'address = "no port"', "host:port, got no port$"),
        ("certificate", "certficate", "certificate"),
        ("cluster = ", "cluster = 5 #", "text in quotes"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(tmp_path: Path, good: str, bad: str, said: str) -> None:
    make_profile(tmp_path)
    file = tmp_path / PROFILE_FILE
    file.write_text(file.read_text().replace(good, bad, 1))

    with pytest.raises(ConfigError, match=said) as caught:
        load_profile(tmp_path)
    assert str(file) in str(caught.value)


def test_a_rightful_successor_replaces_the_roster_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "roster"
    first = signed(founding(), "a", "b")
    path.write_bytes(first.encode())
    following = signed(successor(first), "b", "c")

    held = read_roster(path, None, TestVerifier())
    renewed = renew_roster(held, following.encode(), path, TestVerifier())

    assert renewed.roster.epoch == 2
    assert read_roster(path, None, TestVerifier()).roster.epoch == 2


@pytest.mark.parametrize("signers", [(), ("a",), ("r2",)])
def test_a_roster_without_enough_signatures_changes_nothing(tmp_path: Path, signers: tuple[str, ...]) -> None:
    path = tmp_path / "roster"
    first = signed(founding(), "a", "b")
    path.write_bytes(first.encode())
    held = read_roster(path, None, TestVerifier())

    with pytest.raises(KeyRefused):
        renew_roster(held, signed(successor(first), *signers).encode(), path, TestVerifier())
    assert path.read_bytes() == first.encode()


def test_an_older_roster_from_a_node_that_lags_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "roster"
    first = signed(founding(), "a", "b")
    following = signed(successor(first), "b", "c")
    path.write_bytes(following.encode())
    held = read_roster(path, None, TestVerifier())

    assert renew_roster(held, first.encode(), path, TestVerifier()) is held


def test_a_fork_stops_sealing(tmp_path: Path) -> None:
    path = tmp_path / "roster"
    first = signed(founding(), "a", "b")
    path.write_bytes(first.encode())
    fork = signed(replace(founding(), created_ms=1), "a", "b")

    with pytest.raises(KeyRefused, match="two rosters of epoch 1"):
        renew_roster(read_roster(path, None, TestVerifier()), fork.encode(), path, TestVerifier())


class SlowVerifier(TestVerifier):
    """Takes its time over one roster."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.begun, self.may_end = threading.Event(), threading.Event()

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        if self._body in message:
            self.begun.set()
            self.may_end.wait(10)
        return super().verify(public_key, message, signature)


async def test_of_two_rosters_that_two_nodes_show_at_once_the_newer_one_is_kept(tmp_path: Path) -> None:
    """Two DRC nodes under new TLS keys: both were asked for their rosters, and the older one came last."""
    profile = make_profile(tmp_path).profile
    held = read_roster(profile.roster, profile.cluster, TestVerifier())
    second = signed(successor(held.signed), "a", "b")
    third = signed(successor(second), "a", "b")
    verifier = SlowVerifier(second.body)
    session = Session(profile, held, DirectTransport({}), verifier)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.blocking.run, partial(session.take_roster, second.encode()))
        await trio.to_thread.run_sync(verifier.begun.wait)
        nursery.start_soon(session.blocking.run, partial(session.take_roster, third.encode()))
        with trio.move_on_after(0.2):  # it may wait for its turn
            while session.roster.roster.epoch < 3:  # noqa: ASYNC110 (a thread changes it)
                await trio.sleep(0.01)
        verifier.may_end.set()

    assert session.roster.roster.epoch == 3
    assert profile.roster.read_bytes() == third.encode()
