"""A van whose keys another office has named first, on real nodes: nothing of its office is kept from being in force."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from lumbung_cluster.access import SignedAccess, sign_access
from lumbung_cluster.naming_vans import name_van
from lumbung_cluster.signed_join import SignedJoin
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_testing.joining import Newcomer
from lumbung_testing.real_clusters import cluster_up, found, lumbung, node_up
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.localcluster.sites import choose_sites
from lumbung_tools.output.exit_codes import ExitCode

COPIER, OFFICE = "36.02", "34.04"  # the copier has the lower number too
WAIT_S = "60"


def list_of(founded: Founded, office: str) -> Path:
    return founded.folder / "nodes" / office / f"access-{office}.lumbung"


def copying(founded: Founded, van: Newcomer, output: Path) -> Path:
    """The copier's next list with the other office's van as its own: all that it needs is public."""
    held = SignedAccess.decode(list_of(founded, COPIER).read_bytes()).content
    office = founded.roster.by_name(COPIER)
    assert office is not None
    asked = SignedJoin.decode(van.request.read_bytes()).request
    copied, _ = name_van(office, founded.roster, (), replace(asked, name=f"{COPIER}-van1"))
    named = replace(held.following(held.created_ms + 1), vans=(copied,))
    key = Ed25519Signer.load(founded.folder / "access-OFFLINE" / f"{COPIER}.key.pem")
    output.write_bytes(sign_access(named, key).encode())
    return output


def test_a_van_whose_keys_another_office_named_first_joins_and_its_recordings_are_copied(tmp_path: Path) -> None:
    founded = found(tmp_path / "cluster", (COPIER, OFFICE))
    van = Newcomer(founded, tmp_path / "van", tmp_path)
    address = choose_sites(("73.71",), ("batam",), None)[0].address
    assert van.init("--van", f"{OFFICE}-van1", "--reach", "dial-only", address=address).code == ExitCode.OK
    copied = copying(founded, van, tmp_path / "copied.lumbung")
    listed = van.name_van(OFFICE, list_of(founded, OFFICE))
    shutil.copy(founded.folder / "roster.lumbung", van.roster)
    recording = tmp_path / "recording"
    recording.write_bytes(b"biometrics of somebody in a village")

    with cluster_up(founded):
        for office in (COPIER, OFFICE):  # to both nodes, so that the copy is everywhere before the van's own office
            done = lumbung("access", "publish", copied, home=founded.client_home(office))
            assert done.returncode == ExitCode.OK, done.stderr
        done = lumbung("access", "publish", listed, home=founded.client_home(OFFICE))
        assert done.returncode == ExitCode.OK, done.stderr
        made = van.make_pack("--access", copied, "--access", listed)
        assert made.code == ExitCode.OK, made.err
        assert van.join(made.text("fingerprint")).code == ExitCode.OK
        with node_up(van.config, tmp_path / "log"):
            put = lumbung("--json", "put", "--timeout", WAIT_S, recording, home=van.client)
            assert put.returncode == ExitCode.OK, put.stderr
            stored = json.loads(put.stdout.splitlines()[0])

    assert stored["copies"]["holders"] == [f"{OFFICE}-van1", OFFICE, "drc-batam"]
