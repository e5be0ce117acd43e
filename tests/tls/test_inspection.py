"""What the administrator is told about a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from burble.tls import CertificateFiles, Trust, self_signed
from burble.tls.inspection import Finding, inspect

from .authority import CLIENT, SERVER, Issued, authority, dns, make, srv, write_pem, xmpp

HOST, ROOMS = "capulet.example", "conference.capulet.example"


@pytest.fixture(scope="module")
def root() -> Issued:
    return authority("Verona Root")


@pytest.fixture(scope="module")
def trust(root: Issued, tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return Trust([write_pem(tmp_path_factory.mktemp("trust") / "root.pem", [root.certificate])], system=False)


def problems(found: list[Finding]) -> list[tuple[str, str]]:
    assert all(bool(each.advice) is (each.level != "ok") for each in found)
    return [(each.level, each.text) for each in found if each.level != "ok"]


def test_all_is_well(root: Issued, trust: Trust, tmp_path: Path) -> None:
    issued = make([dns(HOST), dns(f"*.{HOST}")], authority("Mantua", root), usages=[SERVER])
    files = issued.write(tmp_path)
    files.key.chmod(0o640)
    assert inspect(files, [HOST, ROOMS], trust) == [
        Finding("ok", f"the private key {files.key} belongs to the certificate {files.certificate}"),
        Finding("ok", f"the certificate is valid until {issued.certificate.not_valid_after_utc:%Y-%m-%d}"),
        Finding("ok", f"the certificate is for {HOST}, {ROOMS}"),
        Finding("ok", "the certificate may be used for a TLS server"),
        Finding("ok", "the chain of certificates is complete and its end is trusted here"),
    ]


def test_files_that_cannot_be_used(root: Issued, trust: Trust, tmp_path: Path) -> None:
    one, other = (make([dns(HOST)], root).write(tmp_path, name) for name in ("one", "other"))
    nowhere = tmp_path / "nowhere"
    for files, text in (
        (CertificateFiles(nowhere, one.key), f"cannot read the certificate {nowhere}"),
        (CertificateFiles(one.certificate, nowhere), f"cannot read the private key {nowhere}"),
        (CertificateFiles(one.certificate, other.key), "does not belong to the certificate"),
        (CertificateFiles(one.certificate, one.certificate), "holds no PEM private key"),
        (CertificateFiles(one.key, one.key), "holds no PEM certificate"),
    ):
        ((level, found),) = problems(inspect(files, [HOST], trust))
        assert level == "error"
        assert text in found


def test_a_key_for_everybody(root: Issued, trust: Trust, tmp_path: Path) -> None:
    files = make([dns(HOST)], root).write(tmp_path)
    files.key.chmod(0o644)
    assert problems(inspect(files, [HOST], trust)) == [
        ("warning", f"everybody on this machine can read the private key {files.key}")
    ]


@pytest.mark.parametrize(
    ("begin", "end", "level", "text"),
    [
        (-90, 15, None, ""),
        (-90, 13, "warning", "the certificate is over on {ends:%Y-%m-%d}, in 13 days"),
        (-90, -2, "error", "the certificate is over since {ends:%Y-%m-%d}"),
        (2, 90, "error", "the certificate is not valid before {begins:%Y-%m-%d %H:%M} UTC"),
    ],
)
def test_dates(tmp_path: Path, begin: int, end: int, level: str | None, text: str) -> None:
    root = make([], common_name="Old Root", ca=True, begin=timedelta(-900), end=timedelta(900))
    trust = Trust([write_pem(tmp_path / "root.pem", [root.certificate])], system=False)
    hour = timedelta(hours=1)
    issued = make([dns(HOST)], root, begin=timedelta(begin), end=timedelta(end) + hour)
    leaf = issued.certificate
    text = text.format(begins=leaf.not_valid_before_utc, ends=leaf.not_valid_after_utc)
    files = issued.write(tmp_path)
    files.key.chmod(0o600)
    assert problems(inspect(files, [HOST], trust)) == ([(level, text)] if level else [])


def findings(issued: Issued, directory: Path, trust: Trust, *names: str) -> list[tuple[str, str]]:
    files = issued.write(directory)
    files.key.chmod(0o600)
    return problems(inspect(files, names or [HOST], trust))


def test_names(root: Issued, trust: Trust, tmp_path: Path) -> None:
    issued = make([dns(HOST)], root)
    assert findings(issued, tmp_path, trust, HOST, ROOMS) == [
        ("warning", f"the certificate is for {HOST}, not {ROOMS}")
    ]
    assert findings(issued, tmp_path, trust, "montague.example") == [
        ("error", f"the certificate is for {HOST}, not montague.example")
    ]
    for_servers_only = make([srv(f"_xmpp-server.{HOST}")], root)
    assert [level for level, _ in findings(for_servers_only, tmp_path, trust)] == ["error"]
    assert findings(make([xmpp(HOST)], root), tmp_path, trust) == []


@pytest.mark.parametrize(
    ("usages", "fine"),
    [
        ([SERVER], True),
        ([SERVER, CLIENT], True),
        ([], True),
        ([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], True),
        ([CLIENT], False),
    ],
)
def test_usages(
    root: Issued, trust: Trust, tmp_path: Path, usages: Sequence[ObjectIdentifier], fine: bool
) -> None:
    text = "the certificate has not the usage serverAuth: clients and other servers refuse it"
    found = findings(make([dns(HOST)], root, usages=usages), tmp_path, trust)
    assert found == ([] if fine else [("error", text)])


def test_chains(root: Issued, trust: Trust, tmp_path: Path) -> None:
    issued = make([dns(HOST)], authority("Mantua", authority("Padua", root)))
    leaf, mantua, padua = issued.chain
    assert findings(issued, tmp_path, trust) == []
    ((level, text),) = findings(Issued([leaf], issued.key), tmp_path, trust)
    assert (level, "not known here: 'Mantua'" in text) == ("error", True)
    assert findings(Issued([leaf, padua, mantua], issued.key), tmp_path, trust) == [
        ("warning", "the certificates in the file are not in order: some clients will refuse them")
    ]
    files = Issued([leaf], issued.key).write(tmp_path)
    assert "fullchain.pem" in inspect(files, [HOST], trust)[-1].advice
    other = authority("Another Root")
    issued = make([dns(HOST)], other)
    files = Issued([*issued.chain, other.certificate], issued.key).write(tmp_path)
    last = inspect(files, [HOST], trust)[-1]
    assert last.text == "the certificate is not trusted: its issuer is not trusted here: 'Another Root'"
    assert last.advice == "get one from an authority that clients trust"


def test_the_one_made_at_the_first_start(trust: Trust, tmp_path: Path) -> None:
    assert problems(inspect(self_signed(tmp_path, [HOST, ROOMS]), [HOST, ROOMS], trust)) == [
        (
            "warning",
            "the certificate is self-signed: clients ask whether to trust it, other servers may refuse it",
        )
    ]


def test_weak_keys(root: Issued, trust: Trust, tmp_path: Path) -> None:
    issued = make([dns(HOST)], root, key=rsa.generate_private_key(65537, 1024))
    ((level, text),) = findings(issued, tmp_path, trust)
    assert level == "error"
    assert text.endswith("is weak: its key has 1024 bits, and 2048 are the least")


def test_damage(root: Issued, trust: Trust, tmp_path: Path) -> None:
    names = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"\x30\x03\x82\x01\xff")
    ((level, text),) = findings(make([], root, extension=names), tmp_path, trust)
    assert level == "error"
    assert "is damaged" in text
