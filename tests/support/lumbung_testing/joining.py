"""Join requests for tests with real keys from seeds, and a newcomer that goes the whole way by the commands."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.join_request import FirstOperator, JoinRequest
from lumbung_cluster.joining import van_numbers
from lumbung_cluster.roster_node import LinkClass, Reach, Role
from lumbung_cluster.signed_join import SignedJoin, join_message, sign_join
from lumbung_cluster.van import VanRecord
from lumbung_node.ports.transport import Transport
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier
from lumbung_tools.client.profile import Profile
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.main import run

__all__ = ["TLS_VERIFIER", "Newcomer", "Said", "join_request", "lumbung_offline", "signed_join", "van_record"]

TLS_VERIFIER = TestVerifier()
"""TLS keys of these requests are Ed25519 in the place of ECDSA, whose keys and signatures come from no seed."""


def join_request(name: str = "51.71", **changes: object) -> JoinRequest:
    """Of an office that stands in no roster of `rosters.founding`."""
    request = JoinRequest(
        cluster=CLUSTER,
        name=name,
        role=Role.OFFICE,
        replaces=None,
        created_ms=1_795_500_000_000,
        nonce=bytes(range(16)),
        province=name[:2],
        hazard_zone=f"zone {name[:2]}",
        addresses=("10.51.71.1:7443",),
        reach=Reach("public"),
        link=LinkClass.WAN,
        link_bytes_per_s=1_000_000,
        capacity_bytes=10**12,
        load_bytes=10**11,
        tls_key=SeededSigner(f"tls {name}").public_key,
        entry_key=SeededSigner(f"entry {name}").public_key,
        receipt_key=SeededSigner(f"receipt {name}").public_key,
        access_key=SeededSigner(f"access {name}").public_key,
        recipients=(f"age1office{name}",),
        operator=FirstOperator("operator", SeededSigner(f"operator {name}").public_key),
        pack_recipient=f"age1pack{name}",
    )
    return replace(request, **changes)  # type: ignore[arg-type]


def van_record(at: int, office: int = 1, **changes: object) -> VanRecord:
    """The office's van of that number among its own."""
    name = f"36.02-van{at}"
    pin, entry, receipt = (SeededSigner(f"{use} {name}").public_key for use in ("tls", "entry", "receipt"))
    number = NodeNumber(van_numbers(NodeNumber(office)).first + at - 1)
    addresses = (f"127.0.0.1:{7500 + at}",)
    van = VanRecord(
        number, name, False, addresses, Reach("dial-only"), LinkClass.LAN, 0, 10**10, 10**8, pin, entry, receipt
    )
    return replace(van, **changes)  # type: ignore[arg-type]


def signed_join(request: JoinRequest) -> SignedJoin:
    """Signed by the keys of its name."""
    message, name = join_message(request), request.name
    uses = ("entry", "receipt", "access")[: len(request.signing_keys())]
    signers = tuple(SeededSigner(f"{use} {name}") for use in uses)
    operator = SeededSigner(f"operator {name}").sign(message) if request.operator else None
    return sign_join(request, signers, SeededSigner(f"tls {name}").sign(message), operator)


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it said."""

    code: int
    json: dict[str, object]
    err: str

    def text(self, field: str) -> str:
        return str(self.json[field])


def lumbung_offline(*words: str | Path) -> Said:
    """A command in this process that may not use the network; with --json."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(["--lang", "en", "--json", *map(str, words)], _no_network)
    lines = out.getvalue().splitlines()
    return Said(code, json.loads(lines[-1]) if lines else {}, err.getvalue())


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A machine that wants to join a founded cluster: its folder, and the centre's folder for drafts and packs."""

    founded: Founded
    home: Path
    desk: Path

    @property
    def request(self) -> Path:
        return self.home / "join" / "request.lumbung"

    @property
    def config(self) -> Path:
        return self.home / "node" / "config.toml"

    @property
    def client(self) -> Path:
        return self.home / "client"

    @property
    def pack(self) -> Path:
        return self.desk / "answer.pack"

    @property
    def roster(self) -> Path:
        """The signed one that names it."""
        return self.desk / "signed.lumbung"

    def init(self, *who: str | Path, address: str) -> Said:
        cluster = str(self.founded.roster.cluster)
        words = ("--address", address, "--capacity", "100GB", "--link", "lan")
        return lumbung_offline("office", "init", self.home, "--cluster", cluster, *who, *words)

    def add(self, *more: str | Path, held: Path | None = None) -> Said:
        fingerprint = self.init_fingerprint()
        to = held or self.founded.folder / "roster.lumbung"
        draft = self.desk / "next.toml"
        return lumbung_offline(
            "roster", "add", self.request, "--to", to, "-o", draft, "--fingerprint", fingerprint, *more
        )

    def init_fingerprint(self) -> str:
        return SignedJoin.decode(self.request.read_bytes()).fingerprint

    def plan_and_sign(self, custodians: Sequence[int] = (1, 2)) -> Said:
        """Each custodian signs the planned draft at home; the signatures are collected."""
        planned = self.desk / "planned.toml"
        assert lumbung_offline("roster", "plan", self.desk / "next.toml", "-o", planned).code == 0
        for at in custodians:
            key = self.founded.folder / "custodians-OFFLINE" / f"custodian-{at}.key.pem"
            signed = self.desk / f"signed-{at}.lumbung"
            assert lumbung_offline("roster", "sign", planned, "--key", key, "-o", signed).code == 0
        files = [self.desk / f"signed-{at}.lumbung" for at in custodians]
        return lumbung_offline("roster", "collect", *files, "-o", self.roster)

    def name_van(self, office: str, held: Path) -> Path:
        """The office's way instead of the custodians': its next access list, signed, with this van."""
        roster = self.founded.folder / "roster.lumbung"
        key = self.founded.folder / "access-OFFLINE" / f"{office}.key.pem"
        draft, signed = self.desk / "access.toml", self.desk / "access.lumbung"
        words = ("--roster", roster, "-o")
        fingerprint = ("--fingerprint", self.init_fingerprint())
        added = lumbung_offline("access", "add-van", self.request, "--list", held, *words, draft, *fingerprint)
        assert added.code == 0, added.err
        done = lumbung_offline("access", "sign", draft, "--key", key, "--held", held, *words, signed)
        assert done.code == 0, done.err
        return signed

    def make_pack(self, *more: str | Path, authority: Path | None = None) -> Said:
        folder = self.founded.folder
        issuer = authority or folder / "authority-OFFLINE"
        words = ("--authority", issuer, "--secret", folder / "centre-OFFLINE" / "cluster.secret")
        return lumbung_offline("roster", "pack", self.request, "--roster", self.roster, *words, "-o", self.pack, *more)

    def join(self, fingerprint: str, *more: str, pack: Path | None = None) -> Said:
        words = ("--dir", self.home, "--fingerprint", fingerprint)
        return lumbung_offline("node", "join", pack or self.pack, *words, *more)


def _no_network(profile: Profile) -> AbstractAsyncContextManager[Transport]:
    raise AssertionError(f"this command must work offline, got {profile}")
