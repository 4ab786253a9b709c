"""When a node obeys a roster: signatures, epochs, forks and histories."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import ClusterId, Generation, NodeNumber, all_units
from lumbung_cluster.roster import HolderAssignment, Roster, Share
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_history import contradictions
from lumbung_cluster.roster_node import (
    AgeRecipient,
    Departure,
    Extension,
    KeyRecord,
    KeyUse,
    Label,
    NodeRecord,
    NodeState,
    NumberRange,
    Role,
)
from lumbung_cluster.roster_rules import (
    Accept,
    Alarm,
    Known,
    Refuse,
    Verdict,
    is_custodians_word,
    judge,
    judge_first,
)
from lumbung_cluster.signed import Signature
from lumbung_testing.rosters import (
    CLUSTER,
    SeededSigner,
    TestVerifier,
    founding,
    office,
    quorum,
    signed,
    successor,
)

VERIFIER = TestVerifier()
HELD = signed(founding(), "a", "b")


def decide(held: SignedRoster, offered: SignedRoster, *chain: SignedRoster) -> Verdict:
    return judge(held, offered, VERIFIER, chain)


def refusal(held: SignedRoster, offered: SignedRoster, *chain: SignedRoster) -> str:
    verdict = decide(held, offered, *chain)
    assert isinstance(verdict, Refuse), verdict
    return verdict.reason


def change_first(roster: Roster, **changes: object) -> tuple[NodeRecord, ...]:
    """The nodes with fields of the first one (36.02) changed."""
    first, *others = roster.nodes
    return (replace(first, **changes), *others)  # type: ignore[arg-type]


def change_custodians(held: SignedRoster, *names: str, by: tuple[str, ...]) -> SignedRoster:
    return signed(successor(held, custodians=quorum(names, 2)), *by)


# --- signatures and epochs ---


def test_the_next_epoch_with_enough_signatures_is_accepted() -> None:
    offered = signed(successor(HELD), "b", "c")

    assert decide(HELD, offered) == Accept(offered, offered.parse())


def test_too_few_signatures_are_refused_with_the_numbers() -> None:
    assert refusal(HELD, signed(successor(HELD), "a")) == (
        "roster of epoch 2: expected signatures of 2 of 3 custodians or 1 of 2 of the recovery set of epoch 1, "
        "got 1 and 0"
    )


def test_one_custodian_counts_once_however_often_it_signs() -> None:
    once = signed(successor(HELD), "a")

    assert "got 1 and 0" in refusal(HELD, SignedRoster(once.body, once.signatures * 2))


def test_strangers_and_broken_signatures_count_nothing() -> None:
    offered = signed(successor(HELD), "a", "x", "y")
    broken = SignedRoster(offered.body, (*offered.signatures, Signature(SeededSigner("b").public_key, bytes(64))))

    assert "got 1 and 0" in refusal(HELD, broken)


def test_the_recovery_set_replaces_lost_custodians() -> None:
    offered = change_custodians(HELD, "d", "e", by=("r",))

    assert isinstance(decide(HELD, offered), Accept)


def test_the_recovery_set_is_changed_only_by_itself() -> None:
    roster = successor(HELD, recovery=quorum(("thief",), 1))

    assert "expected 1 signatures of that set, got 0" in refusal(HELD, signed(roster, "a", "b", "c"))
    assert isinstance(decide(HELD, signed(roster, "r")), Accept)


def test_a_higher_epoch_is_accepted_across_a_gap() -> None:
    offered = signed(replace(founding(), epoch=9, predecessor_hash=b"\7" * 32), "a", "c")

    assert isinstance(decide(HELD, offered), Accept)


def test_the_held_roster_is_known_whoever_signed_the_copy() -> None:
    assert decide(HELD, signed(founding(), "c")) == Known()


def test_a_lower_epoch_is_refused() -> None:
    assert refusal(signed(successor(HELD), "a", "b"), HELD) == "old roster: expected an epoch above 2, got 1"


def test_another_cluster_is_refused() -> None:
    stranger = signed(replace(successor(HELD), cluster=ClusterId(bytes(16))), "a", "b", "c")

    assert refusal(HELD, stranger).startswith(f"roster of another cluster: expected {CLUSTER}, got 0000")


def test_bytes_that_are_no_roster_are_refused() -> None:
    offered = SignedRoster(b"abc", ()).signed_by(SeededSigner("a")).signed_by(SeededSigner("b"))

    assert refusal(HELD, offered) == "roster not understood: cluster id: expected 16 more bytes, got 3"


# --- chains of custodian changes ---


def test_new_custodians_are_believed_through_the_chain_and_not_without() -> None:
    second = change_custodians(HELD, "d", "e", by=("a", "b"))
    third = change_custodians(second, "f", "g", by=("d", "e"))
    fourth = signed(successor(third), "f", "g")

    assert "got 0 and 0" in refusal(HELD, fourth)
    assert isinstance(decide(HELD, fourth, third, second), Accept)
    assert "of epoch 2, got 0 and 0" in refusal(HELD, fourth, second)


def test_a_link_that_nobody_authorized_leads_nowhere() -> None:
    second = change_custodians(HELD, "x", "y", by=("x", "y"))

    assert "of epoch 1, got 0 and 0" in refusal(HELD, signed(successor(second), "x", "y"), second)


def test_custodians_that_the_chain_replaced_sign_no_more() -> None:
    second = change_custodians(HELD, "d", "e", by=("a", "b"))
    offered = signed(replace(founding(), epoch=5, predecessor_hash=HELD.hash), "a", "b", "c")

    assert "of epoch 2, got 0 and 0" in refusal(HELD, offered, second)


# --- forks ---


def test_two_signed_rosters_of_one_epoch_raise_the_alarm_and_a_higher_one_heals_it() -> None:
    ours = signed(successor(HELD, created_ms=1), "a", "b")
    theirs = signed(successor(HELD, created_ms=2), "b", "c")
    healing = signed(successor(theirs), "a", "c")

    verdict = decide(ours, theirs)
    assert isinstance(verdict, Alarm)
    assert verdict.other_hash == theirs.hash
    assert isinstance(decide(ours, healing), Accept)


def test_nobody_raises_the_alarm_without_signatures() -> None:
    ours = signed(successor(HELD, created_ms=1), "a", "b")

    assert "got 1 and 0" in refusal(ours, signed(successor(HELD, created_ms=2), "a"))


def test_a_fork_by_the_custodians_before_is_seen_with_the_predecessor() -> None:
    ours = change_custodians(HELD, "d", "e", by=("a", "b"))
    theirs = change_custodians(HELD, "f", "g", by=("b", "c"))

    assert isinstance(decide(ours, theirs), Refuse)
    assert isinstance(decide(ours, theirs, HELD), Alarm)


def test_a_healing_roster_voids_a_history_that_it_names() -> None:
    roster = founding()
    ours = signed(successor(HELD, nodes=(*roster.nodes, _newcomer(7, "61.01"))), "a", "b")
    theirs = signed(successor(HELD, nodes=(*roster.nodes, _newcomer(8, "61.71"))), "b", "c")

    assert "expected to stay in the roster" in refusal(ours, signed(successor(theirs), "a", "b"))
    assert isinstance(decide(ours, signed(successor(theirs, abandons=(ours.hash,)), "a", "b")), Accept)


def test_a_healing_roster_in_the_chain_heals_too() -> None:
    roster = founding()
    ours = signed(successor(HELD, nodes=(*roster.nodes, _newcomer(7, "61.01"))), "a", "b")
    theirs = signed(successor(HELD, nodes=(*roster.nodes, _newcomer(8, "61.71"))), "b", "c")
    healing = signed(successor(theirs, abandons=(ours.hash,)), "a", "b")
    newest = signed(successor(healing, abandons=()), "a", "b")

    assert "expected to stay in the roster" in refusal(ours, newest)
    assert isinstance(decide(ours, newest, healing), Accept)


# --- histories ---


def test_a_node_is_never_removed() -> None:
    offered = signed(successor(HELD, nodes=founding().nodes[1:], assignments=()), "a", "b")

    assert "node 1 (36.02): expected to stay in the roster (gone at most), got removed" in refusal(HELD, offered)


@pytest.mark.parametrize("use", list(KeyUse))
def test_a_key_is_never_removed_or_replaced_in_silence(use: KeyUse) -> None:
    roster = founding()
    keys = tuple(replace(key, key=b"\1" * 32) if key.use is use else key for key in roster.nodes[0].keys)
    reason = refusal(HELD, signed(successor(HELD, nodes=change_first(roster, keys=keys)), "a", "b"))

    assert f"{use.name.lower()} key {_key(roster, use).key.hex()[:16]} of 36.02: expected to be kept for ever" in reason
    assert "expected a first epoch after 1 for what is new, got 1" in reason


def test_a_key_is_rotated_with_a_successor_and_a_bound() -> None:
    roster = founding()
    entry = _key(roster, KeyUse.ENTRY)
    retired = replace(entry, last_epoch=2, bound=Mark(Generation(1), 10, bytes(32)))
    rotated = (retired, KeyRecord(KeyUse.ENTRY, b"\1" * 32, 2))
    offered = signed(successor(HELD, nodes=_with_keys(roster, entry, rotated)), "a", "b")
    moved = (replace(retired, bound=Mark(Generation(1), 99, bytes(32))), rotated[1])

    assert isinstance(decide(HELD, offered), Accept)
    assert "as it ended in epoch 2, got altered" in refusal(
        offered, signed(successor(offered, nodes=_with_keys(roster, entry, moved)), "a", "b")
    )
    assert "as it ended in epoch 2, got altered" in refusal(
        offered, signed(successor(offered, nodes=_with_keys(roster, entry, (entry, rotated[1]))), "a", "b")
    )


def test_a_key_is_not_ended_in_the_past() -> None:
    roster = founding()
    third = signed(replace(successor(HELD), epoch=3), "a", "b")
    receipt = _key(roster, KeyUse.RECEIPT)
    backdated = (replace(receipt, last_epoch=1), KeyRecord(KeyUse.RECEIPT, b"\1" * 32, 4))
    offered = signed(successor(third, nodes=_with_keys(roster, receipt, backdated)), "a", "b")

    assert "expected to hold at least until epoch 3, got 1" in refusal(third, offered)


def test_a_region_is_renamed_and_its_number_stays() -> None:
    roster = founding()
    renamed = change_first(roster, labels=(Label("36.02", 1, 1), Label("37.01", 2)), province="37")
    offered = signed(successor(HELD, nodes=renamed), "a", "b")

    verdict = decide(HELD, offered)
    assert isinstance(verdict, Accept)
    again = change_first(roster, labels=(Label("37.01", 1),), province="37")
    assert "label 36.02 of node 1: expected to be kept for ever" in refusal(
        HELD, signed(successor(HELD, nodes=again), "a", "b")
    )


def test_a_retired_key_stays_as_it_is_when_its_node_is_renamed() -> None:
    roster = founding()
    entry = _key(roster, KeyUse.ENTRY)
    retired = replace(entry, last_epoch=2, bound=Mark(Generation(1), 10, bytes(32)))
    nodes = _with_keys(roster, entry, (retired, KeyRecord(KeyUse.ENTRY, b"\1" * 32, 2)))
    held = signed(successor(HELD, nodes=nodes), "a", "b")
    renamed = (replace(nodes[0], labels=(Label("36.02", 1, 2), Label("37.01", 3))), *nodes[1:])

    assert isinstance(decide(held, signed(successor(held, nodes=renamed), "a", "b")), Accept)


def test_a_gone_node_stays_gone() -> None:
    roster = founding(assignments=())
    held = signed(roster, "a", "b")
    gone = change_first(roster, state=NodeState.GONE, departure=Departure(2, None, "Sri", "kebakaran"))
    second = signed(successor(held, nodes=gone), "a", "b")

    assert isinstance(decide(held, second), Accept)
    assert "departure of node 1 (36.02): expected as in epoch 2 for ever" in refusal(
        second, signed(successor(second, nodes=roster.nodes), "a", "b")
    )


def test_a_node_is_not_declared_gone_in_the_past() -> None:
    held = signed(replace(successor(signed(founding(assignments=()), "a", "b")), epoch=4), "a", "b")
    backdated = Departure(3, None, "Sri", "kebakaran")
    nodes = change_first(founding(), state=NodeState.GONE, departure=backdated)

    assert "departure of node 1 (36.02): expected an epoch after 4, got 3" in refusal(
        held, signed(successor(held, nodes=nodes), "a", "b")
    )


def test_a_departed_holder_needs_no_leaving() -> None:
    roster = founding()
    nodes = tuple(
        replace(node, state=NodeState.GONE, departure=Departure(2, None, "Sri", "banjir")) if node.number == 2 else node
        for node in roster.nodes
    )
    without = tuple(replace(a, holders=tuple(s for s in a.holders if s.node != 2)) for a in roster.assignments)

    assert isinstance(decide(HELD, signed(successor(HELD, nodes=nodes, assignments=without), "a", "b")), Accept)


def test_the_format_level_never_falls() -> None:
    held, later = replace(founding(), format_level=1), successor(HELD)

    found = list(contradictions(held, later, is_direct_successor=False))

    assert found == ["format level: expected at least 1, got 0"]


def test_role_office_and_van_numbers_are_for_ever() -> None:
    van = replace(_newcomer(9, "36.02"), role=Role.VAN, office=NodeNumber(1), labels=(Label("36.02-van1", 2),))
    nodes = (*change_first(founding(), vans=NumberRange(NodeNumber(100), 5)), van)
    held = signed(successor(HELD, nodes=nodes), "a", "b")
    first, *others = nodes
    other_range = (replace(first, vans=NumberRange(NodeNumber(100), 6)), *others)
    other_office = (*nodes[:-1], replace(van, office=NodeNumber(2)))
    ops = replace(founding().nodes[3], role=Role.CENTRAL, labels=(Label("drc-batam", 1),))
    other_role = tuple(ops if node.number == 4 else node for node in nodes)

    for changed, what in ((other_range, "van numbers"), (other_office, "office of"), (other_role, "role of")):
        assert what in refusal(held, signed(successor(held, nodes=changed), "a", "b"))


def test_a_key_is_not_given_an_earlier_beginning() -> None:
    third = signed(replace(successor(HELD), epoch=3), "a", "b")
    late = KeyRecord(KeyUse.TLS, b"\1" * 32, 4)
    fourth = signed(successor(third, nodes=_with_keys(founding(), late, (late,))), "a", "b")
    early = replace(late, first_epoch=1)

    assert "expected its first epoch 4 for ever, got 1" in refusal(
        fourth, signed(successor(fourth, nodes=_with_keys(founding(), early, (early,))), "a", "b")
    )


def test_a_new_node_is_not_backdated() -> None:
    nodes = (*founding().nodes, office(9, "61.01"))

    assert "new node 61.01: expected a first epoch after 1, got 1" in refusal(
        HELD, signed(successor(HELD, nodes=nodes), "a", "b")
    )


def test_a_holder_leaves_in_two_steps() -> None:
    first = HolderAssignment(NodeNumber(1), (Share(NodeNumber(4), all_units()),))
    leaving = replace(first, leaving=(Share(NodeNumber(2), all_units()),))
    others = founding().assignments[1:]
    second = signed(successor(HELD, assignments=(leaving, *others)), "a", "b")

    assert "got 64 units dropped at once" in refusal(
        HELD, signed(successor(HELD, assignments=(first, *others)), "a", "b")
    )
    assert isinstance(decide(HELD, second), Accept)
    assert isinstance(decide(second, signed(successor(second, assignments=(first, *others)), "a", "b")), Accept)


def test_an_escrow_recipient_is_kept_for_ever() -> None:
    offered = signed(successor(HELD, escrow=(AgeRecipient("age1other", 2),)), "a", "b")

    assert "escrow recipient age1escrow: expected to be kept for ever, got removed" in refusal(HELD, offered)


# --- the first roster ---


def test_a_node_without_a_roster_begins_with_one_that_its_own_custodians_signed() -> None:
    assert isinstance(judge_first(HELD, CLUSTER, VERIFIER), Accept)
    assert isinstance(judge_first(signed(founding(), "a"), CLUSTER, VERIFIER), Refuse)
    assert isinstance(judge_first(HELD, ClusterId(bytes(16)), VERIFIER), Refuse)


def test_a_node_without_a_roster_begins_through_a_chain() -> None:
    second = change_custodians(HELD, "d", "e", by=("a", "b"))
    third = signed(successor(second), "d", "e")

    assert isinstance(judge_first(third, CLUSTER, VERIFIER, (HELD, second)), Accept)
    assert isinstance(judge_first(third, CLUSTER, VERIFIER, (HELD,)), Refuse)


def _newcomer(number: int, name: str) -> NodeRecord:
    newcomer = office(number, name)
    keys = tuple(replace(key, first_epoch=2) for key in newcomer.keys)
    recipients = tuple(replace(entry, first_epoch=2) for entry in newcomer.recipients)
    return replace(newcomer, labels=(Label(name, 2),), keys=keys, recipients=recipients)


def _key(roster: Roster, use: KeyUse) -> KeyRecord:
    return next(key for key in roster.nodes[0].keys if key.use is use)


def _with_keys(roster: Roster, old: KeyRecord, new: tuple[KeyRecord, ...]) -> tuple[NodeRecord, ...]:
    return change_first(roster, keys=tuple(key for key in roster.nodes[0].keys if key != old) + new)


# --- refused, and yet the custodians' word ---


def with_unknown_field(*names: str) -> SignedRoster:
    """Epoch 2 with a critical field of a later version."""
    body = signed(successor(HELD, extensions=(Extension("zz", False, b"later"),))).body
    later = SignedRoster(body.replace(b"zz\0", b"zz\1"), ())
    for name in names:
        later = later.signed_by(SeededSigner(name))
    return later


def test_what_enough_custodians_signed_and_nobody_here_understands_calls_for_somebody() -> None:
    assert "unknown critical field 'zz'" in refusal(HELD, with_unknown_field("a", "c"))
    assert is_custodians_word(HELD, with_unknown_field("a", "c"), VERIFIER)
    assert is_custodians_word(HELD, with_unknown_field("r"), VERIFIER), "the recovery set's too"


def test_what_strangers_or_too_few_signed_calls_nobody() -> None:
    for names in ((), ("a",), ("a", "stranger")):
        assert not is_custodians_word(HELD, with_unknown_field(*names), VERIFIER)
    later = signed(successor(HELD), "a", "b")
    assert not is_custodians_word(later, HELD, VERIFIER), "an older one is no news"
    assert not is_custodians_word(HELD, SignedRoster(b"junk", with_unknown_field("a", "b").signatures), VERIFIER)
