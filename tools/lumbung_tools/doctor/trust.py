"""Certificate, keys and roster: do they belong together, and for how long?"""

from __future__ import annotations

from collections.abc import Iterator

from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.health import CERT_CRITICAL_MS, CERT_WARNING_MS
from lumbung_cluster.identity_uri import NodeIdentity
from lumbung_cluster.roster import Roster
from lumbung_node.adapters.keys.certificates import CertificateFacts, read_certificate
from lumbung_node.adapters.keys.cluster_secret import load_cluster_secret
from lumbung_node.partners import OwnNode
from lumbung_tools.doctor.finding import Finding, green, red, yellow

__all__ = ["judge_certificate", "judge_roster_age", "look_at_trust"]

_ROSTER_OLD_MS = 90 * 24 * 3600 * 1000


def look_at_trust(own: OwnNode, now_ms: int) -> Iterator[Finding]:
    config, roster = own.config, own.roster
    record = roster.node(config.number)
    if record is None:
        yield red("roster", "doctor.roster.unknown", epoch=roster.epoch, number=config.number)
        return
    yield judge_roster_age(roster, now_ms)
    facts = read_certificate(own.certificate_chain_pem)
    yield judge_certificate(facts, NodeIdentity(own.cluster, config.number).uri, roster.tls_pins(record.number), now_ms)
    yield _keys(own)


def judge_roster_age(roster: Roster, now_ms: int) -> Finding:
    age_s = max(0, now_ms - roster.created_ms) // 1000
    if now_ms - roster.created_ms > _ROSTER_OLD_MS:
        return yellow("roster", "doctor.roster.old", epoch=roster.epoch, age_s=age_s)
    return green("roster", "doctor.roster.good", epoch=roster.epoch, age_s=age_s)


def judge_certificate(facts: CertificateFacts, uri: str, pins: tuple[bytes, ...], now_ms: int) -> Finding:
    left_s = (facts.not_after_ms - now_ms) // 1000
    if facts.uri != uri:
        return red("certificate", "doctor.certificate.other", expected=uri, got=facts.uri or "")
    if pins and facts.pin not in pins:
        return red("certificate", "doctor.certificate.pin", pin=facts.pin.hex()[:16])
    if now_ms < facts.not_before_ms:
        return red("certificate", "doctor.certificate.early", early_s=(facts.not_before_ms - now_ms) // 1000)
    if left_s <= 0:
        return red("certificate", "doctor.certificate.ended", age_s=-left_s)
    if left_s * 1000 < CERT_CRITICAL_MS:
        return red("certificate", "doctor.certificate.ends", left_s=left_s)
    if left_s * 1000 < CERT_WARNING_MS:
        return yellow("certificate", "doctor.certificate.ends", left_s=left_s)
    return green("certificate", "doctor.certificate.good", left_s=left_s)


def _keys(own: OwnNode) -> Finding:
    """The keys in use must be those that the roster names now, and the cluster's secret must be one."""
    config, roster = own.config, own.roster
    try:
        load_cluster_secret(config.keys.cluster_secret)
    except KeyRefused as exc:
        return red("keys", "doctor.keys.unreadable", why=str(exc))
    used = {
        "entry_key": (own.keys.entry, roster.entry_keys(config.number)),
        "receipt_key": (own.keys.receipt, roster.receipt_keys(config.number)),
    }
    for name, (key, records) in used.items():
        if not any(record.key == key and record.holds_in(roster.epoch) for record in records):
            return red("keys", "doctor.keys.not_in_roster", name=name, epoch=roster.epoch)
    return green("keys", "doctor.keys.good", epoch=roster.epoch)
