"""A broker that lets in only users it knows (SASL/SCRAM over TLS), each to what rights name: files and properties.

The tests start their secured broker with these properties, and the containers' broker has them.
"""

import datetime as dt
import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

ADMIN: Final = "admin"
"""The user who creates topics and grants rights."""

_MECHANISM: Final = "SCRAM-SHA-512"
_VALID_FOR: Final = dt.timedelta(days=825)


@dataclass(frozen=True, slots=True)
class BrokerSecurity:
    """`certificate` is a PEM file with the broker's key and certificate, `authority` one with who signed it.

    `passwords` by user; `ADMIN` is among them.
    """

    certificate: Path
    authority: Path
    passwords: Mapping[str, str]

    def format_arguments(self) -> list[str]:
        """For Kafka's storage tool: the users are in the storage before the broker starts."""
        return [
            argument
            for user, password in self.passwords.items()
            for argument in ("--add-scram", f"{_MECHANISM}=[name={user},password={password}]")
        ]

    def properties(self, listen: str, advertised: str, controller: str) -> dict[str, str]:
        """Broker properties; the three addresses are `host:port`.

        The controller's listener knows no users: it must be on the broker's own loopback.
        """
        login = "org.apache.kafka.common.security.scram.ScramLoginModule"
        return {
            "listeners": f"SASL_SSL://{listen},CONTROLLER://{controller}",
            "advertised.listeners": f"SASL_SSL://{advertised}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.enabled.mechanisms": _MECHANISM,
            "sasl.mechanism.inter.broker.protocol": _MECHANISM,
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
                f'{login} required username="{ADMIN}" password="{self.passwords[ADMIN]}";'
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.certificate),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": f"User:{ADMIN};User:ANONYMOUS",  # nobody is anonymous but on the controller's listener
        }


def make_certificates(folder: Path, hosts: Sequence[str]) -> tuple[Path, Path]:
    """A new authority and a broker's certificate for names and addresses: (key and certificate, authority's certificate).

    The authority's key is not kept: to renew is to make both anew.
    """
    authority_key, broker_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name, broker_name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Touchstone Kafka CA", hosts[0])
    )
    authority = (
        _builder(authority_name, authority_name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    broker = (
        _builder(broker_name, authority_name, broker_key)
        .add_extension(x509.SubjectAlternativeName([_name(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    key = broker_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    certificate_file, authority_file = folder / "kafka.pem", folder / "kafka-ca.pem"
    with os.fdopen(os.open(certificate_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(key + broker.public_bytes(Encoding.PEM))
    authority_file.write_bytes(authority.public_bytes(Encoding.PEM))
    return certificate_file, authority_file


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + _VALID_FOR)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
