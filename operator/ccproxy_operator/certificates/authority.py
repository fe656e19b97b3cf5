"""Roots and leaves: made, read, and judged by who signed them. ECDSA P-256 throughout.

Must not decide when (that is `plan.py`) nor reach the cluster; no key ever stands in a repr, an error or a log.
Next: `plan.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT_LIFE = timedelta(days=3 * 365)
LEAF_LIFE = timedelta(days=90)
BACKDATE = timedelta(hours=1)
"""A certificate begins this much before it is made: clocks of nodes differ."""


@dataclass(frozen=True)
class Pair:
    """A certificate with its key, both PEM, and what the plan asks of them."""

    certificate: str
    key: str = field(repr=False)
    begins: datetime
    ends: datetime
    names: frozenset[str]

    @property
    def published(self) -> datetime:
        """When it was made."""
        return self.begins + BACKDATE


def new_root(now: datetime) -> Pair:
    """A self-signed root that lives three years from `now`."""
    key, serial = ec.generate_private_key(ec.SECP256R1()), x509.random_serial_number()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"ccproxy root {serial % 16**8:08x}")])
    builder = _builder(name, key.public_key(), now, serial=serial).issuer_name(name).not_valid_after(now + ROOT_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return _pair(builder.sign(key, SHA256()), key)


def new_leaf(root: Pair, names: Iterable[str], now: datetime) -> Pair:
    """A server certificate for these DNS names, signed by `root`; lives 90 days, never longer than its root."""
    signer, sign_key = x509.load_pem_x509_certificate(root.certificate.encode()), _key(root.key)
    wanted = sorted(names, key=lambda name: (len(name), name))
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted[0][:64])])
    builder = _builder(subject, key.public_key(), now, serial=x509.random_serial_number()).issuer_name(signer.subject)
    builder = builder.not_valid_after(min(now + LEAF_LIFE, root.ends))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in wanted]), critical=False)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(sign_key.public_key())
    return _pair(builder.add_extension(authority, critical=False).sign(sign_key, SHA256()), key)


def read_pair(certificate: str, key: str) -> Pair:
    """What somebody stored. Raises `ValueError`, without its content, when it is no P-256 pair that fits."""
    try:
        read, secret = x509.load_pem_x509_certificate(certificate.encode()), _key(key)
        fits = read.public_key() == secret.public_key()
    except (ValueError, TypeError):
        raise ValueError("not a certificate with its P-256 key") from None
    if not fits:
        raise ValueError("the key is not the certificate's")
    return _pair(read, secret)


def signed_by(certificate: str, root: str) -> bool:
    """Whether `root` (one PEM certificate) signed `certificate`."""
    signer = x509.load_pem_x509_certificate(root.encode())
    try:
        x509.load_pem_x509_certificate(certificate.encode()).verify_directly_issued_by(signer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def certificates_in(bundle: str) -> tuple[tuple[str, datetime], ...]:
    """Each certificate of a PEM bundle with its end; nothing for a bundle that cannot be read."""
    try:
        found = x509.load_pem_x509_certificates(bundle.encode())
    except ValueError:
        return ()
    return tuple((_pem(one), one.not_valid_after_utc) for one in found)


def _builder(
    subject: x509.Name, public_key: ec.EllipticCurvePublicKey, now: datetime, *, serial: int
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).public_key(public_key).serial_number(serial)
    identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
    return builder.not_valid_before(now - BACKDATE).add_extension(identifier, critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != ec.SECP256R1.name:
        raise ValueError("not a P-256 key")
    return key


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        certificate=_pem(certificate),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
        names=_names(certificate),
    )


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(extension.value.get_values_for_type(x509.DNSName))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
