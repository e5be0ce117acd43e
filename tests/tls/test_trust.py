"""What certificates prove, with real ones: RFC 6120 §13.7, XEP-0178."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from OpenSSL import crypto

from burble.tls import TlsError, Trust

from .authority import CLIENT, SERVER, Issued, address, authority, dns, make, srv, write_pem, xmpp

MAIL, ANY = ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
DOMAIN = "capulet.example"


@pytest.fixture(scope="module")
def root() -> Issued:
    return authority("Verona Root")


@pytest.fixture(scope="module")
def trust(root: Issued, tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return Trust([write_pem(tmp_path_factory.mktemp("trust") / "root.pem", [root.certificate])], system=False)


def test_a_certificate_of_a_trusted_authority_proves_its_domain(trust: Trust, root: Issued) -> None:
    chain = make([dns(DOMAIN)], root).chain
    verdict = trust.verify(chain, DOMAIN)
    assert verdict
    assert verdict.reason == ""
    assert trust.verify([*chain, root.certificate], DOMAIN)


def test_no_certificate_proves_nothing(trust: Trust) -> None:
    assert trust.verify([], DOMAIN).reason == "it shows no certificate"


@pytest.mark.parametrize("usages", [(SERVER,), (CLIENT,), (SERVER, CLIENT), (), (ANY,), (MAIL, CLIENT)])
def test_every_usage_of_tls_is_welcome(
    trust: Trust, root: Issued, usages: Sequence[ObjectIdentifier]
) -> None:
    assert trust.verify(make([dns(DOMAIN)], root, usages=usages).chain, DOMAIN)


def test_other_usages_are_not(trust: Trust, root: Issued) -> None:
    chain = make([dns(DOMAIN)], root, usages=[MAIL]).chain
    assert "it is not for TLS" in trust.verify(chain, DOMAIN).reason


@pytest.mark.parametrize(
    ("above", "below", "proven"),
    [
        ([SERVER], [SERVER], True),
        ([SERVER, CLIENT], [CLIENT], True),
        ([MAIL], [SERVER], False),
        ([MAIL], [], False),
        ([ANY], [SERVER], True),
    ],
)
def test_an_authority_for_mail_makes_none_for_tls(
    trust: Trust,
    root: Issued,
    above: list[ObjectIdentifier],
    below: list[ObjectIdentifier],
    proven: bool,
) -> None:
    between = authority("Mantua Authority", root, extension=x509.ExtendedKeyUsage(above))
    assert bool(trust.verify(make([dns(DOMAIN)], between, usages=below).chain, DOMAIN)) is proven


def test_dates(trust: Trust, root: Issued) -> None:
    hour, day = timedelta(hours=1), timedelta(days=1)
    expired = make([dns(DOMAIN)], root, begin=-2 * day, end=-hour / 2)
    assert trust.verify(expired.chain, DOMAIN).reason == (
        f"it expired on {expired.certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    )
    early = make([dns(DOMAIN)], root, begin=hour)
    assert trust.verify(early.chain, DOMAIN).reason == (
        f"it is not valid before {early.certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    )
    assert trust.verify(early.chain, DOMAIN, at=datetime.now(UTC) + day)
    assert trust.verify(expired.chain, DOMAIN, at=datetime.now(UTC) - hour * 3 / 4)
    assert not trust.verify(early.chain, DOMAIN), "a look at another time changes nothing for now"


def test_dates_of_authorities(trust: Trust, root: Issued) -> None:
    over = make([], root, common_name="Late Authority", ca=True, begin=timedelta(-9), end=timedelta(-1))
    reason = trust.verify(make([dns(DOMAIN)], over).chain, DOMAIN).reason
    assert reason.startswith("its authority 'Late Authority' expired on ")
    early = make([], root, common_name="Early Authority", ca=True, begin=timedelta(1))
    reason = trust.verify(make([dns(DOMAIN)], early).chain, DOMAIN).reason
    assert reason.startswith("its authority 'Early Authority' is not valid before ")


def test_another_domain(trust: Trust, root: Issued) -> None:
    chain = make([dns("montague.example"), xmpp("verona.example"), srv("_xmpp-server.a.example")], root).chain
    assert trust.verify(chain, DOMAIN).reason == (
        "it is for a.example, montague.example, verona.example, not capulet.example"
    )


def test_the_common_name_is_no_name(trust: Trust, root: Issued) -> None:
    chain = make([], root, common_name=DOMAIN).chain
    assert trust.verify(chain, DOMAIN).reason == "it is for nobody, not capulet.example"


def test_every_form_of_name_will_do(trust: Trust, root: Issued) -> None:
    for name in (dns(DOMAIN), dns("*.example"), xmpp(DOMAIN), srv(f"_xmpp-server.{DOMAIN}")):
        assert trust.verify(make([name], root).chain, DOMAIN)
    assert trust.verify(make([address("127.0.0.1")], root).chain, "127.0.0.1")


def test_self_signed(trust: Trust) -> None:
    alone = make([dns(DOMAIN)], common_name="myself")
    assert trust.verify(alone.chain, DOMAIN).reason == "it is self-signed"


def test_self_signed_under_a_trusted_name(trust: Trust, root: Issued) -> None:
    impostor = make([dns(DOMAIN)], common_name="Verona Root", ca=True)
    assert not trust.verify(impostor.chain, DOMAIN)
    below = make([dns(DOMAIN)], impostor)
    assert not trust.verify([*below.chain, impostor.certificate], DOMAIN)
    assert not trust.verify([*below.chain, root.certificate], DOMAIN)


def test_unknown_authorities(trust: Trust) -> None:
    stranger = authority("Paduan Root")
    chain = make([dns(DOMAIN)], stranger).chain
    assert trust.verify(chain, DOMAIN).reason == (
        "its issuer is not known here: 'Paduan Root', "
        "and no certificate between it and a trusted one is shown"
    )
    assert (
        trust.verify([*chain, stranger.certificate], DOMAIN).reason
        == "its issuer is not trusted here: 'Paduan Root'"
    )


def test_what_is_between_must_be_shown(trust: Trust, root: Issued) -> None:
    between = authority("Mantua Authority", root)
    leaf = make([dns(DOMAIN)], between)
    assert trust.verify(leaf.chain, DOMAIN)
    assert trust.verify([leaf.certificate, *make([], root).chain, between.certificate], DOMAIN), "any order"
    assert "its issuer is not known here: 'Mantua Authority'" in trust.verify(leaf.chain[:1], DOMAIN).reason


def test_who_is_no_authority_signs_in_vain(trust: Trust, root: Issued) -> None:
    server = make([dns("montague.example")], root, common_name="Romeo")
    forged = make([dns(DOMAIN)], server)
    assert trust.verify(forged.chain, DOMAIN).reason == "it was issued by 'Romeo', which is no authority"


def test_an_authority_with_too_many_below_it(trust: Trust, root: Issued) -> None:
    last = authority("Last Authority", root, path_length=0)
    below = make([dns(DOMAIN)], authority("One Too Many", last))
    assert "path length" in trust.verify(below.chain, DOMAIN).reason


def test_an_authority_s_own_certificate_is_not_a_server_s(trust: Trust, root: Issued) -> None:
    above = make([dns(DOMAIN)], root, ca=True)
    assert "that of an authority, not of a server" in trust.verify(above.chain, DOMAIN).reason


def test_an_authority_bound_to_domains_has_only_those(trust: Trust, root: Issued) -> None:
    bound = authority(
        "Bound Authority", root, constraints=x509.NameConstraints([x509.DNSName("capulet.example")], None)
    )
    assert trust.verify(make([dns("im.capulet.example")], bound).chain, "im.capulet.example")
    assert not trust.verify(make([dns("montague.example")], bound).chain, "montague.example")
    for name in (xmpp("montague.example"), srv("_xmpp-server.montague.example")):
        assert not trust.verify(make([name, dns("capulet.example")], bound).chain, "montague.example")


def test_unknown_critical_extensions_count(trust: Trust, root: Issued) -> None:
    unknown = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    chain = make([dns(DOMAIN)], root, extension=unknown).chain
    assert "critical extension" in trust.verify(chain, DOMAIN).reason


def test_weak_keys_and_signatures(trust: Trust, root: Issued) -> None:
    short = rsa.generate_private_key(65537, 1024)
    assert trust.verify(make([dns(DOMAIN)], root, key=short).chain, DOMAIN).reason == (
        "its key has 1024 bits, and 2048 are the least"
    )
    curve = ec.generate_private_key(ec.SECP192R1())
    assert "192 bits" in trust.verify(make([dns(DOMAIN)], root, key=curve).chain, DOMAIN).reason
    weak = authority("Weak Authority", root, key=short)
    reason = trust.verify(make([dns(DOMAIN)], weak).chain, DOMAIN).reason
    assert reason == "one of its authorities is weak: its key has 1024 bits, and 2048 are the least"


def test_old_hashes(tmp_path: Path) -> None:
    root = authority(key=rsa.generate_private_key(65537, 2048))
    trust = Trust([write_pem(tmp_path / "root.pem", [root.certificate])], system=False)
    old = with_sha1(make([dns(DOMAIN)], root).certificate, root)
    assert trust.verify([old], DOMAIN).reason == "its signature uses SHA1, which can be forged"


def with_sha1(certificate: x509.Certificate, issuer: Issued) -> x509.Certificate:
    """Sign a certificate again, as nobody should any more, with sha1WithRSAEncryption."""
    assert isinstance(issuer.key, rsa.RSAPrivateKey)
    kind = bytes.fromhex("06092a864886f70d0101")
    sha1, sha256 = kind + b"\x05", kind + b"\x0b"
    signed = certificate.tbs_certificate_bytes.replace(sha256, sha1)
    signature = issuer.key.sign(signed, padding.PKCS1v15(), hashes.SHA1())
    whole = certificate.public_bytes(Encoding.DER).replace(certificate.tbs_certificate_bytes, signed)
    return x509.load_der_x509_certificate(
        whole.replace(sha256, sha1).replace(certificate.signature, signature)
    )


def test_a_damaged_signature(trust: Trust, root: Issued) -> None:
    other = make([dns(DOMAIN)], authority("Verona Root"))
    reason = trust.verify(other.chain, DOMAIN).reason
    assert reason == "the signature of 'Verona Root' is wrong"


def test_damaged_extensions(trust: Trust, root: Issued) -> None:
    names = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"\x30\x03\x82\x01\xff")
    reason = trust.verify(make([], root, extension=names).chain, DOMAIN).reason
    assert reason.startswith("it cannot be read")


def test_a_pinned_certificate_is_enough(trust: Trust) -> None:
    alone = make([], end=timedelta(minutes=-1))
    digits = alone.fingerprint
    colons = ":".join(digits[at : at + 2] for at in range(0, 64, 2)).upper()
    for pins in ([digits], [colons], ["00" * 32, digits]):
        assert trust.verify(alone.chain, DOMAIN, fingerprints=pins)
    assert not trust.verify(alone.chain, DOMAIN, fingerprints=["00" * 32])
    assert not trust.verify(make([]).chain, DOMAIN, fingerprints=[digits])


@pytest.mark.parametrize("ca", [True, False])
def test_a_single_server_can_be_trusted(tmp_path: Path, root: Issued, ca: bool) -> None:
    for server in (make([dns(DOMAIN)], ca=ca), make([dns(DOMAIN)], root, ca=ca)):
        trust = Trust([write_pem(tmp_path / "peer.pem", server.chain)], system=False)
        assert trust.verify(server.chain, DOMAIN)
        assert trust.verify(server.chain, "montague.example").reason == (
            "it is for capulet.example, not montague.example"
        )
        assert not trust.verify(make([dns(DOMAIN)]).chain, DOMAIN)


def test_files_that_change_are_read_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old, new = authority("Old Root"), authority("New Root")
    chains = [make([dns(DOMAIN)], each).chain for each in (old, new)]
    file = write_pem(tmp_path / "roots.pem", [old.certificate])
    trust = Trust([file], system=False)

    def trusted() -> list[bool]:
        return [bool(trust.verify(chain, DOMAIN)) for chain in chains]

    assert trusted() == [True, False]
    write_pem(file, [old.certificate, new.certificate])
    assert trusted() == [True, True]
    write_pem(file, [new.certificate])
    assert trusted() == [False, True]
    file.write_text("half a file")
    assert trusted() == [False, True]
    assert trusted() == [False, True]
    assert caplog.messages == [
        f"{file} holds no PEM certificate to trust: the authorities trusted until now stay so"
    ]
    file.unlink()
    assert trusted() == [False, True]
    write_pem(file, [old.certificate])
    assert trusted() == [True, False]


def test_files_must_be_there_from_the_start(tmp_path: Path) -> None:
    with pytest.raises(TlsError, match=r"cannot read .*nowhere\.pem: No such file"):
        Trust([tmp_path / "nowhere.pem"])
    (tmp_path / "empty.pem").touch()
    with pytest.raises(TlsError, match=r"empty\.pem holds no PEM certificate"):
        Trust([tmp_path / "empty.pem"])


def test_the_system_s_authorities(tmp_path: Path, root: Issued, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = make([dns(DOMAIN)], root).chain
    monkeypatch.setenv("SSL_CERT_FILE", str(write_pem(tmp_path / "system.pem", [root.certificate])))
    monkeypatch.setenv("SSL_CERT_DIR", os.devnull)
    assert Trust().verify(chain, DOMAIN)
    assert not Trust(system=False).verify(chain, DOMAIN)


def test_a_system_without_authorities(
    tmp_path: Path, root: Issued, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "system.pem").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", os.devnull)
    own = write_pem(tmp_path / "own.pem", [root.certificate])
    trust = Trust([own])
    assert trust.verify(make([dns(DOMAIN)], root).chain, DOMAIN)
    assert not trust.verify(make([dns(DOMAIN)], authority("Other")).chain, DOMAIN)
    assert len(caplog.messages) == 1
    assert "no authority of the system is trusted" in caplog.text


def test_a_directory_of_authorities(tmp_path: Path, root: Issued, monkeypatch: pytest.MonkeyPatch) -> None:
    # OpenSSL finds a certificate in a directory by the hash of its subject.
    number = crypto.X509.from_cryptography(root.certificate).subject_name_hash()
    write_pem(tmp_path / f"{number:08x}.0", [root.certificate])
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert Trust().verify(make([dns(DOMAIN)], root).chain, DOMAIN)


def test_a_certificate_with_thousands_of_names_costs_little(trust: Trust, root: Issued) -> None:
    # TLS lets in no more than 100 KB (test_servers); this is about as many names as that can hold.
    names = [dns(f"{number}.example") for number in range(6000)]
    chain = make(names, root).chain
    started = os.times()
    assert "and 5995 more" in trust.verify(chain, DOMAIN).reason
    spent = os.times()
    assert spent.user + spent.system - started.user - started.system < 0.5


def test_a_chain_without_end_costs_little(trust: Trust, root: Issued) -> None:
    chain = [*make([dns(DOMAIN)], authority("Nobody")).chain, *[root.certificate] * 5_000]
    started = os.times()
    assert not trust.verify(chain, DOMAIN)
    spent = os.times()
    assert spent.user + spent.system - started.user - started.system < 0.05
