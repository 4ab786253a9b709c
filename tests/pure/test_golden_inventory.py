"""What the cluster's secret makes of ids, and what holders signed of it, stays the same: vectors of format version 0.

The file in tests/golden is written from the layouts of docs/protocol.md by other code than ours.
"""

from __future__ import annotations

import json
from pathlib import Path

from lumbung_cluster.ids import UNITS, BlobId, Generation, NodeNumber, all_units
from lumbung_cluster.inventory.claims import make_claims
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.inventory.inventory import Inventory
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind, sign_statement
from lumbung_cluster.signed import Domain, is_signed_by, signed_hash
from lumbung_node.adapters.keys.cluster_secret import load_cluster_secret, save_cluster_secret
from lumbung_node.store.inventory_rows import key_check
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "inventory_v0.json").read_text(encoding="utf-8"))
KEY = InventoryKey(1, bytes(range(32)))
IDS = [BlobId.of(f"blob {number}".encode()).raw for number in range(1, 41)]
ORIGIN, HOLDER = NodeNumber(1), NodeNumber(4)


def inventory() -> Inventory:
    made = Inventory(KEY)
    made.fold(IDS)
    return made


def test_the_cluster_secret_is_written_and_read_as_one_line(tmp_path: Path) -> None:
    save_cluster_secret(tmp_path / "cluster.secret", KEY)

    assert (tmp_path / "cluster.secret").read_text() == GOLDEN["secret_file"]
    assert load_cluster_secret(tmp_path / "cluster.secret") == KEY
    assert key_check(KEY).hex() == GOLDEN["key_check"]


def test_ids_are_lifted_and_summed_as_they_were() -> None:
    made = inventory()

    assert KEY.lift(IDS[0]).to_bytes(32, "little").hex() == GOLDEN["lift_of_blob_1"]
    digests = {str(unit): made.digest(unit) for unit in range(UNITS)}
    assert {unit: digest.to_bytes().hex() for unit, digest in digests.items() if digest.count} == GOLDEN["unit_digests"]


def test_the_inventory_receipt_has_the_bytes_that_were_signed() -> None:
    vector = {name: bytes.fromhex(text) for name, text in GOLDEN["receipt"].items()}
    units = Statement.parse(vector["body"]).unit_mask
    claims = make_claims(KEY, ORIGIN, inventory().digests(all_units()), units)
    content = Statement(
        StatementKind.INVENTORY_RECEIPT,
        CLUSTER,
        HOLDER,
        Generation(5),
        6,
        ORIGIN,
        (2 << 40) + 9,
        813,
        1_795_500_060_000,
        (),
        claims,
    )
    signed = sign_statement(content, SeededSigner("receipt 4"))

    assert units.bit_count() == 4
    assert signed.to_bytes() == vector["body"] + vector["signed_by"] + vector["signature"]
    assert signed_hash(Domain.INVENTORY, signed.body) == vector["hash"]
    assert SignedStatement.from_bytes(signed.to_bytes()) == signed
    valid = [each for each in Domain if is_signed_by(each, signed.body, signed.signature, TestVerifier())]
    assert valid == [Domain.INVENTORY]
