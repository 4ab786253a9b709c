"""X.509 for mutual TLS: a cluster's issuing authority, leaf certificates, and what a certificate says.

Leaves are ECDSA P-256 (an Ed25519 leaf fails the handshake in grpcio). They live long and are dated back, because
office clocks are wrong and lines are down for weeks; what is revoked is revoked by the roster, which pins keys.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.identity_uri import Identity
from lumbung_cluster.ids import ClusterId

__all__ = [
    "Authority",
    "CertificateFacts",
    "make_authority",
    "make_tls_key",
    "pin_of_public_key",
    "public_key_of",
    "read_certificate",
]

LEAF_LIFETIME_DAYS = 5 * 365  # renewed at half life; an office may be cut off for a year in between
AUTHORITY_LIFETIME_DAYS = 30 * 365
BACKDATED_DAYS = 30  # a clock that is a month behind still sees a valid certificate


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
    key_pem: bytes

    def issue(
        self, identity: Identity, public_key_pem: bytes, *, now_ms: int, lifetime_days: int = LEAF_LIFETIME_DAYS
    ) -> bytes:
        """A leaf certificate (PEM) for a key whose private half stays with its owner. Raises KeyRefused."""
        authority = x509.load_pem_x509_certificate(self.certificate_pem)
        key = _load_private(self.key_pem)
        if authority.public_key() != key.public_key():
            raise KeyRefused("authority: expected the key of its certificate, got another key")
        names = [x509.UniformResourceIdentifier(identity.uri), x509.DNSName(identity.dns_name)]
        builder = _builder(identity.dns_name.partition(".")[0], authority.subject, _load_public(public_key_pem))
        builder = _with_lifetime(builder, now_ms, lifetime_days)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(is_authority=False), critical=True)
        both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
        issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = builder.add_extension(issuer_id, critical=False)
        return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def make_authority(cluster: ClusterId, name: str, *, now_ms: int) -> Authority:
    """A new self-signed CA that may issue leaves only."""
    key = generate_private_key(SECP256R1())
    subject = _subject(f"lumbung {name} {cluster.raw.hex()[:8]}")
    builder = _with_lifetime(_builder(None, subject, key.public_key()), now_ms, AUTHORITY_LIFETIME_DAYS)
    builder = builder.subject_name(subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(is_authority=True), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    return Authority(certificate.public_bytes(Encoding.PEM), _private_pem(key))


def make_tls_key() -> bytes:
    """A new ECDSA P-256 private key as PKCS8 PEM; write it with `key_files.write_secret`."""
    return _private_pem(generate_private_key(SECP256R1()))


def public_key_of(private_key_pem: bytes) -> bytes:
    """The public half (SubjectPublicKeyInfo PEM) of a private key: what a join request carries. Raises KeyRefused."""
    return _load_private(private_key_pem).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def pin_of_public_key(public_key_pem: bytes) -> bytes:
    """BLAKE3-256 of the SubjectPublicKeyInfo (DER): the pin that rosters and access lists hold. Raises KeyRefused."""
    return _pin(_load_public(public_key_pem))


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


def _builder(name: str | None, issuer: x509.Name, public_key: EllipticCurvePublicKey) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer_name=issuer, public_key=public_key)
    builder = builder.serial_number(x509.random_serial_number())
    if name is not None:
        builder = builder.subject_name(_subject(name))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)


def _with_lifetime(builder: x509.CertificateBuilder, now_ms: int, days: int) -> x509.CertificateBuilder:
    now = datetime.fromtimestamp(now_ms // 1000, UTC)
    builder = builder.not_valid_before(now - timedelta(days=BACKDATED_DAYS))
    return builder.not_valid_after(now + timedelta(days=days))


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


def _load_private(pem: bytes) -> EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as exc:
        raise KeyRefused(f"TLS key: expected an unencrypted PEM private key, got {exc}") from exc
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise KeyRefused(f"TLS key: expected ECDSA P-256, got {type(key).__name__}")
    return key


def _load_public(pem: bytes) -> EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(pem)
    except ValueError as exc:
        raise KeyRefused(f"TLS public key: expected PEM, got {exc}") from exc
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise KeyRefused(f"TLS public key: expected ECDSA P-256, got {type(key).__name__}")
    return key


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
