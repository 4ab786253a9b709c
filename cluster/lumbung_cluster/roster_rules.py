"""When a node obeys a roster (DESIGN 6). Rosters come from anybody; only signatures, epochs and histories decide.

Given the roster it holds and one that it is offered, a node
  knows      the same hash
  refuses    another cluster, a lower epoch, too few signatures, a denied history
  alarms     at the same epoch with another hash, signed by enough custodians: a fork. It keeps what it holds
  accepts    any higher epoch that is authorized: by enough custodians of the roster it holds, or of one that a chain of
             authorized rosters leads to, or by that roster's recovery set. A higher valid epoch heals a fork; where the
             two histories cannot be joined, the healing roster names the void one under `abandons`
The recovery set is changed only by itself, so that whoever steals the custodians' keys cannot stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import ClusterId
from lumbung_cluster.roster import Quorum, Roster
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_history import contradictions
from lumbung_cluster.signed import Domain, Verifier, is_signed_by

__all__ = [
    "Accept",
    "Alarm",
    "Known",
    "Refuse",
    "Verdict",
    "count_signatures",
    "is_custodians_word",
    "judge",
    "judge_first",
]

_CONTRADICTIONS_SHOWN_MAX = 3  # the first ones tell what happened; a sentence is not a list


@dataclass(frozen=True, slots=True)
class Accept:
    """Obey this roster from now on, re-evaluate every open stream, and pass it on."""

    signed: SignedRoster
    roster: Roster


@dataclass(frozen=True, slots=True)
class Known:
    """It is the roster that is held."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Keep what is held; the sentence says what was expected and what came."""

    reason: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """ROSTER_FORK: custodians signed two rosters of one epoch. Keep what is held and call for an operator."""

    reason: str
    other_hash: bytes


Verdict = Accept | Known | Refuse | Alarm


@dataclass(frozen=True, slots=True)
class _Pair:
    signed: SignedRoster
    roster: Roster


def judge(held: SignedRoster, offered: SignedRoster, verifier: Verifier, chain: Sequence[SignedRoster] = ()) -> Verdict:
    """What to do with `offered`. `chain` holds rosters of epochs in between, in any order; unusable ones are skipped.

    At the same epoch the held roster's predecessor, if it stands in `chain`, helps to recognize a fork.
    """
    if offered.hash == held.hash:
        return Known()
    present = _Pair(held, held.parse())
    try:
        # First what costs little: whoever may speak with a node may have it judge what he likes.
        objection = _objection_unread(present, offered, verifier, chain)
        if objection is not None:
            return Refuse(objection)
        later = _Pair(offered, offered.parse())
    except Malformed as exc:
        return Refuse(f"roster not understood: {exc}")
    if later.roster.cluster != present.roster.cluster:
        return Refuse(f"roster of another cluster: expected {present.roster.cluster}, got {later.roster.cluster}")
    if later.roster.epoch == present.roster.epoch:
        ours, theirs = held.hash.hex()[:16], offered.hash.hex()[:16]
        sentence = f"two rosters of epoch {later.roster.epoch} are signed: expected hash {ours}, got {theirs} too"
        return Alarm(sentence, offered.hash)
    authority = _follow_chain(present, later, verifier, chain)
    # Histories are compared link by link: what each link keeps of the one before, the last keeps of the first.
    reason = _objection(authority, later, verifier)
    return Refuse(reason) if reason else Accept(offered, later.roster)


def judge_first(
    offered: SignedRoster, cluster: ClusterId, verifier: Verifier, chain: Sequence[SignedRoster] = ()
) -> Verdict:
    """Whether a node that holds none may begin with `offered`, which came by a way that a person vouched for (a pack).

    The oldest roster among `offered` and `chain` must be signed by enough of its own custodians; from there on the
    usual rules lead to `offered`. Accept or Refuse.
    """
    try:
        pairs = sorted((_Pair(entry, entry.parse()) for entry in (*chain, offered)), key=lambda pair: pair.roster.epoch)
        start = pairs[0]
    except Malformed as exc:
        return Refuse(f"roster not understood: {exc}")
    if start.roster.cluster != cluster:
        return Refuse(f"roster of another cluster: expected {cluster}, got {start.roster.cluster}")
    if not _is_enough(start.roster.custodians, start.signed, verifier):
        return Refuse(_too_few(start, start.signed, start.roster.epoch, verifier))
    if start.signed.hash == offered.hash:
        return Accept(offered, start.roster)
    return judge(start.signed, offered, verifier, chain)


def count_signatures(quorum: Quorum, signed: SignedRoster, verifier: Verifier) -> int:
    """How many different members of the quorum have validly signed."""
    keys = {member.public_key for member in quorum.members}
    good = {
        signature.key_public
        for signature in signed.signatures
        if signature.key_public in keys and is_signed_by(Domain.ROSTER, signed.body, signature, verifier)
    }
    return len(good)


def is_custodians_word(held: SignedRoster, offered: SignedRoster, verifier: Verifier) -> bool:
    """Whether the custodians (or the recovery set) that the held roster names stand behind a later one.

    Then it is no stranger's, and a node that cannot obey it needs somebody: it stays behind its cluster.
    """
    present = held.parse()
    if _claimed_epoch(offered) <= present.epoch:
        return False
    quorums = (present.custodians, present.recovery)
    return any(_is_enough(quorum, offered, verifier) for quorum in quorums)


def _objection_unread(
    present: _Pair, offered: SignedRoster, verifier: Verifier, chain: Sequence[SignedRoster]
) -> str | None:
    """What can be said against a roster by its epoch and signatures alone; None when it has to be read.

    Raises Malformed for bytes without an epoch.
    """
    epoch = offered.epoch
    if epoch < present.roster.epoch:
        return f"old roster: expected an epoch above {present.roster.epoch}, got {epoch}"
    if epoch == present.roster.epoch:
        # Anybody can write another roster of this epoch; only one with enough signatures is worth an alarm.
        authorities = [present, *_parsed([s for s in chain if s.hash == present.roster.predecessor_hash])]
    elif any(present.roster.epoch < _claimed_epoch(s) < epoch and _signs(present, s, verifier) for s in chain):
        return None  # the custodians of a link may be those to ask; every chain begins with one that ours have signed
    else:
        authorities = [present]
    if any(_signs(authority, offered, verifier) for authority in authorities):
        return None
    return _too_few(present, offered, epoch, verifier)


def _follow_chain(present: _Pair, later: _Pair, verifier: Verifier, chain: Sequence[SignedRoster]) -> _Pair:
    """The newest roster before `later` that authorized steps lead to: its custodians are the ones to ask."""
    authority = present
    between = [signed for signed in chain if present.roster.epoch < _claimed_epoch(signed) < later.roster.epoch]
    for link in sorted(_parsed(between), key=lambda pair: pair.roster.epoch):
        is_next = link.roster.epoch > authority.roster.epoch and link.roster.cluster == present.roster.cluster
        if is_next and not _objection(authority, link, verifier):
            authority = link
    return authority


def _claimed_epoch(signed: SignedRoster) -> int:
    """0 for what cannot be read. Callers pass all rosters that they know, and parsing is what costs here."""
    try:
        return signed.epoch
    except Malformed:
        return 0


def _parsed(chain: Sequence[SignedRoster]) -> list[_Pair]:
    pairs = []
    for signed in chain:
        try:
            pairs.append(_Pair(signed, signed.parse()))
        except Malformed:
            continue  # a link that we cannot read leads nowhere; whatever it authorized is refused with its own reason
    return pairs


def _objection(authority: _Pair, later: _Pair, verifier: Verifier) -> str | None:
    """Why `later` may not follow `authority`, or None."""
    if not _signs(authority, later.signed, verifier):
        return _too_few(authority, later.signed, later.roster.epoch, verifier)
    if later.roster.recovery != authority.roster.recovery:
        recovery = authority.roster.recovery
        if not _is_enough(recovery, later.signed, verifier):
            return (
                f"roster of epoch {later.roster.epoch} changes the recovery set: expected {recovery.threshold} "
                f"signatures of that set, got {count_signatures(recovery, later.signed, verifier)}"
            )
    return _history_objection(authority, later)


def _history_objection(before: _Pair, later: _Pair) -> str | None:
    if before.signed.hash in later.roster.abandons:
        return None
    is_direct = later.roster.predecessor_hash == before.signed.hash
    found = list(contradictions(before.roster, later.roster, is_direct_successor=is_direct))
    if not found:
        return None
    more = f" (and {len(found) - _CONTRADICTIONS_SHOWN_MAX} more)" if len(found) > _CONTRADICTIONS_SHOWN_MAX else ""
    epochs = f"roster of epoch {later.roster.epoch} denies epoch {before.roster.epoch}"
    return f"{epochs}: {'; '.join(found[:_CONTRADICTIONS_SHOWN_MAX])}{more}"


def _signs(authority: _Pair, signed: SignedRoster, verifier: Verifier) -> bool:
    quorums = (authority.roster.custodians, authority.roster.recovery)
    return any(_is_enough(quorum, signed, verifier) for quorum in quorums)


def _is_enough(quorum: Quorum, signed: SignedRoster, verifier: Verifier) -> bool:
    return count_signatures(quorum, signed, verifier) >= quorum.threshold


def _too_few(authority: _Pair, signed: SignedRoster, epoch: int, verifier: Verifier) -> str:
    custodians, recovery = authority.roster.custodians, authority.roster.recovery
    return (
        f"roster of epoch {epoch}: expected signatures of {custodians.threshold} of "
        f"{len(custodians.members)} custodians or {recovery.threshold} of {len(recovery.members)} of the recovery set "
        f"of epoch {authority.roster.epoch}, got {count_signatures(custodians, signed, verifier)} and "
        f"{count_signatures(recovery, signed, verifier)}"
    )
