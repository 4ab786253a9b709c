"""X.509 for mutual TLS: a cluster's issuing authority, leaf certificates, and what a certificate says.

Leaves are ECDSA P-256 (an Ed25519 leaf fails the handshake in grpcio). They live long and are dated back to 1970,
because office clocks fall back to whatever their board believes once its battery is empty, and lines are down for
weeks; what is revoked is revoked by the roster, which pins keys.
A root may let an office issue for itself (path length 1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from blake3 import blake3
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.identity_uri import Identity
from lumbung_cluster.ids import ClusterId
from lumbung_node.adapters.keys.tls_keys import private_key_of_pem, public_key_of_pem

__all__ = [
    "Authority",
    "CertificateFacts",
    "is_renewal_due",
    "make_authority",
    "make_tls_key",
    "only_certificate",
    "pin_of_public_key",
    "public_key_in",
    "public_key_of",
    "read_certificate",
]

LEAF_LIFETIME_DAYS = 5 * 365  # renewed at half life; an office may be cut off for a year in between
AUTHORITY_LIFETIME_DAYS = 30 * 365
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)  # no clock is before it: one that was reset still sees valid certificates
_CLOCK_TOLERANCE_MS = 24 * 3600 * 1000
_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What lumbung asks of a certificate; `uri` is None for one that names no identity (an authority)."""

    uri: str | None
    dns_names: tuple[str, ...]
    pin: bytes
    not_before_ms: int
    not_after_ms: int


@dataclass(frozen=True, slots=True)
class Authority:
    """An issuing CA. The certificate stands among the roster's trust roots; the key is kept offline."""

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)

    def issue(
        self, identity: Identity, public_key_pem: bytes, *, now_ms: int, lifetime_days: int = LEAF_LIFETIME_DAYS
    ) -> bytes:
        """A leaf certificate (PEM) for a key whose private half stays with its owner. Raises KeyRefused."""
        authority = x509.load_pem_x509_certificate(self.certificate_pem)
        key = self._key()
        _check_clock(now_ms, _milliseconds(authority.not_valid_after_utc), AUTHORITY_LIFETIME_DAYS)
        names = [x509.UniformResourceIdentifier(identity.uri), x509.DNSName(identity.dns_name)]
        builder = _builder(identity.dns_name.partition(".")[0], authority.subject, public_key_of_pem(public_key_pem))
        builder = _with_lifetime(builder, now_ms, lifetime_days)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(is_authority=False), critical=True)
        both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
        issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = builder.add_extension(issuer_id, critical=False)
        leaf = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
        is_root = authority.subject == authority.issuer
        return leaf if is_root else leaf + self.certificate_pem

    def issue_authority(self, cluster: ClusterId, name: str, *, now_ms: int) -> Authority:
        """An office's own CA below this root: it renews and issues without the centre. Raises KeyRefused."""
        root, key, own = (
            x509.load_pem_x509_certificate(self.certificate_pem),
            self._key(),
            generate_private_key(SECP256R1()),
        )
        if root.subject != root.issuer:
            raise KeyRefused("authority: expected a root to issue another one, got one below a root")
        subject = _subject(f"lumbung {name} {cluster.raw.hex()[:8]}")
        builder = _authority_builder(subject, root.subject, own.public_key(), now_ms, path_length=0)
        issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        certificate = builder.add_extension(issuer_id, critical=False).sign(key, hashes.SHA256())
        return Authority(certificate.public_bytes(Encoding.PEM), _private_pem(own))

    def _key(self) -> EllipticCurvePrivateKey:
        key = private_key_of_pem(self.key_pem)
        if x509.load_pem_x509_certificate(self.certificate_pem).public_key() != key.public_key():
            raise KeyRefused("authority: expected the key of its certificate, got another key")
        return key


def make_authority(cluster: ClusterId, name: str, *, now_ms: int) -> Authority:
    """A new self-signed CA that may issue leaves, and CAs of offices that issue leaves only."""
    key = generate_private_key(SECP256R1())
    subject = _subject(f"lumbung {name} {cluster.raw.hex()[:8]}")
    certificate = _authority_builder(subject, subject, key.public_key(), now_ms, path_length=1).sign(
        key, hashes.SHA256()
    )
    return Authority(certificate.public_bytes(Encoding.PEM), _private_pem(key))


def is_renewal_due(facts: CertificateFacts, now_ms: int) -> bool:
    """Whether half of a leaf's life is over. Raises KeyRefused for a clock that is before its beginning."""
    _check_clock(now_ms, facts.not_after_ms, LEAF_LIFETIME_DAYS)
    return facts.not_after_ms - now_ms < LEAF_LIFETIME_DAYS * _DAY_MS // 2


def make_tls_key() -> bytes:
    """A new ECDSA P-256 private key as PKCS8 PEM; write it with `key_files.write_secret`."""
    return _private_pem(generate_private_key(SECP256R1()))


def public_key_of(private_key_pem: bytes) -> bytes:
    """The public half (SubjectPublicKeyInfo PEM) of a private key: what a join request carries. Raises KeyRefused."""
    return (
        private_key_of_pem(private_key_pem).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )


def public_key_in(certificate_pem: bytes) -> bytes:
    """The public key (SubjectPublicKeyInfo PEM) that a certificate is for. Raises KeyRefused."""
    try:
        public_key = x509.load_pem_x509_certificate(certificate_pem).public_key()
    except (ValueError, TypeError) as exc:
        raise KeyRefused(f"certificate: expected one in PEM, got {exc}") from exc
    return public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def pin_of_public_key(public_key_pem: bytes) -> bytes:
    """BLAKE3-256 of the SubjectPublicKeyInfo (DER): the pin that rosters and access lists hold. Raises KeyRefused."""
    return _pin(public_key_of_pem(public_key_pem))


def read_certificate(pem: bytes) -> CertificateFacts:
    """What the first certificate in `pem` says. Raises KeyRefused when there is none that can be read."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        uris, dns_names = _alternative_names(certificate)
        public_key = certificate.public_key()
    except (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension, UnsupportedAlgorithm) as exc:
        raise KeyRefused(f"certificate: expected one in PEM, got {exc}") from exc
    if len(uris) > 1:
        raise KeyRefused(f"certificate: expected one identity, got {len(uris)}")
    if not isinstance(public_key, EllipticCurvePublicKey):
        raise KeyRefused(f"certificate: expected an ECDSA key, got {type(public_key).__name__}")
    return CertificateFacts(
        uri=uris[0] if uris else None,
        dns_names=tuple(dns_names),
        pin=_pin(public_key),
        not_before_ms=_milliseconds(certificate.not_valid_before_utc),
        not_after_ms=_milliseconds(certificate.not_valid_after_utc),
    )


def only_certificate(pem: bytes) -> bytes:
    """The first certificate in `pem` as PEM, without anything else that the file holds. Raises KeyRefused."""
    read_certificate(pem)
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.PEM)


def _builder(name: str | None, issuer: x509.Name, public_key: EllipticCurvePublicKey) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer_name=issuer, public_key=public_key)
    builder = builder.serial_number(x509.random_serial_number())
    if name is not None:
        builder = builder.subject_name(_subject(name))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)


def _authority_builder(
    subject: x509.Name, issuer: x509.Name, public_key: EllipticCurvePublicKey, now_ms: int, *, path_length: int
) -> x509.CertificateBuilder:
    builder = _with_lifetime(_builder(None, issuer, public_key), now_ms, AUTHORITY_LIFETIME_DAYS)
    builder = builder.subject_name(subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    return builder.add_extension(_key_usage(is_authority=True), critical=True)


def _with_lifetime(builder: x509.CertificateBuilder, now_ms: int, days: int) -> x509.CertificateBuilder:
    now = datetime.fromtimestamp(now_ms // 1000, UTC)
    return builder.not_valid_before(_BEGIN).not_valid_after(now + timedelta(days=days))


def _check_clock(now_ms: int, not_after_ms: int, lifetime_days: int) -> None:
    """Raises KeyRefused when it is earlier than something that was issued: what is issued now would end too soon."""
    issued_ms = not_after_ms - lifetime_days * _DAY_MS
    if now_ms < issued_ms - _CLOCK_TOLERANCE_MS:
        ours, theirs = (datetime.fromtimestamp(ms // 1000, UTC).date() for ms in (now_ms, issued_ms))
        raise KeyRefused(
            f"clock: expected {theirs} or later, when the certificate was issued, got {ours}; set the clock"
        )


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(certificate: x509.Certificate) -> tuple[list[str], list[str]]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [], []
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return uris, names.get_values_for_type(x509.DNSName)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pin(public_key: EllipticCurvePublicKey) -> bytes:
    return blake3(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def _private_pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
