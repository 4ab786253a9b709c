"""What an origin believes of a holder's inventory receipt: only what it sees to be equal itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.ids import BlobId, NodeNumber, all_units
from lumbung_cluster.inventory.claims import Believed, claim_digest, judge_claims, make_claims
from lumbung_cluster.inventory.fingerprint import InventoryKey, UnitDigest
from lumbung_cluster.inventory.inventory import Inventory
from lumbung_cluster.receipt import UnitClaim

KEY = InventoryKey(1, b"k" * 32)
ORIGIN = NodeNumber(3)
BLOBS = [BlobId.of(f"blob {number}".encode()) for number in range(1, 301)]  # blob n stands at own number n
END = len(BLOBS)


def digests(blobs: list[BlobId]) -> tuple[UnitDigest, ...]:
    inventory = Inventory(KEY)
    inventory.fold([blob.raw for blob in blobs])
    return inventory.digests(all_units())


OWN = digests(BLOBS)


def claims(blobs: list[BlobId], units: int = all_units()) -> tuple[UnitClaim, ...]:
    return make_claims(KEY, ORIGIN, digests(blobs), units)


def judge(claimed: tuple[UnitClaim, ...], tail: int = END, floor: int = 0) -> Believed:
    newest = [(number, BLOBS[number - 1]) for number in range(END, END - tail, -1)]
    return judge_claims(KEY, ORIGIN, claimed, OWN, END, newest, floor)


def test_a_holder_with_everything_is_believed_without_looking_at_single_entries() -> None:
    assert judge(claims(BLOBS), tail=0) == Believed(all_units(), END)


@given(st.integers(0, END))
def test_a_holder_that_has_not_applied_our_newest_entries_is_believed_up_to_there(upto: int) -> None:
    believed = judge(claims(BLOBS[:upto]))

    assert believed == Believed(all_units(), upto)


def test_a_holder_further_behind_than_we_look_is_not_believed_where_it_is() -> None:
    believed = judge(claims(BLOBS[:200]), tail=50)

    missing = {blob.unit for blob in BLOBS[200:250]}
    assert believed.units == sum(1 << unit for unit in range(64) if unit not in missing)
    assert believed.number < min(n for n in range(251, END + 1) if BLOBS[n - 1].unit not in missing)


@given(st.sets(st.integers(1, END), min_size=1, max_size=6), st.sets(st.integers(1, END), max_size=6))
def test_what_is_believed_is_really_there(lost: set[int], swapped: set[int]) -> None:
    """A holder that lacks some, and has others in their place, is never believed for what it lacks."""
    held = [blob for number, blob in enumerate(BLOBS, start=1) if number not in lost | swapped]
    held += [BlobId.of(b"stranger %d" % number) for number in swapped]

    believed = judge(claims(held))

    for number in lost | swapped:
        assert number > believed.number or not believed.units >> BLOBS[number - 1].unit & 1


def test_a_unit_that_is_further_behind_than_an_older_receipt_does_not_draw_the_others_down() -> None:
    """Blob 250 is the oldest that the holder lacks: the others were proven up to 260 before."""
    late = BLOBS[250 - 1]
    held = [blob for number, blob in enumerate(BLOBS, 1) if number < 250 or blob.unit != late.unit]

    assert judge(claims(held)) == Believed(all_units(), 249)
    assert judge(claims(held), floor=260) == Believed(all_units() & ~(1 << late.unit), END)


def test_units_that_were_not_claimed_are_not_believed() -> None:
    assert judge(claims(BLOBS, units=0b1011)) == Believed(0b1011, END)
    assert judge(()) == Believed(0, END)


def test_a_holder_that_has_more_than_we_have_is_not_believed() -> None:
    stranger = BlobId.of(b"stranger")

    assert judge(claims([*BLOBS, stranger])).units == all_units() & ~(1 << stranger.unit)


def test_a_claim_is_of_one_origin_one_unit_and_one_secret() -> None:
    digest = OWN[5]
    others = {
        claim_digest(KEY, ORIGIN, 5, digest),
        claim_digest(KEY, NodeNumber(4), 5, digest),
        claim_digest(KEY, ORIGIN, 6, digest),
        claim_digest(InventoryKey(1, b"l" * 32), ORIGIN, 5, digest),
        claim_digest(KEY, ORIGIN, 5, digest.plus(UnitDigest(0, 1))),
    }
    assert len(others) == 5
