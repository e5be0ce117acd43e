"""Which domains the names of a certificate cover."""

from __future__ import annotations

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as some

from burble.tls.names import CLIENT_SERVICES, CertificateNames

from .authority import address, dns, make, srv, xmpp

# A few letters only, so that equal names come up; a letter first, so that none is an address.
labels = some.text("ab1-", max_size=3).map("a".__add__)
domains = some.lists(labels, min_size=1, max_size=5).map(".".join)
spelled = some.sampled_from([str.lower, str.upper, str.title, lambda name: name + "."])


def names(dns: str = "", addresses: str = "", xmpp: str = "", services: str = "") -> CertificateNames:
    return CertificateNames(*(frozenset(each.split()) for each in (dns, addresses, xmpp, services)))


@pytest.mark.parametrize(
    ("presented", "domain", "covered"),
    [
        ("example.org", "example.org", True),
        ("example.org", "im.example.org", False),
        ("im.example.org", "example.org", False),
        ("*.example.org", "im.example.org", True),
        ("*.example.org", "example.org", False),
        ("*.example.org", "a.im.example.org", False),
        ("i*.example.org", "im.example.org", False),
        ("*m.example.org", "im.example.org", False),
        ("im.*.org", "im.example.org", False),
        ("*.*.org", "im.example.org", False),
        ("*", "localhost", False),
        ("*", "example.org", False),
        ("*.", "localhost", False),
        ("*.example.org", "*.example.org", False),
        ("xn--bcher-kva.example", "bücher.example", True),
        ("xn--bcher-kva.example", "BÜCHER.example", True),
        ("*.example", "bücher.example", True),
        ("xn--bcher-*.example", "bücher.example", False),
        ("127.0.0.1", "127.0.0.1", False),
        ("example.org", "example.org\0.evil.example", False),
        ("", "", False),
    ],
)
def test_host_names(presented: str, domain: str, covered: bool) -> None:
    assert names(dns=presented).cover(domain) is covered
    assert names(dns=f"other.example {presented} another.example").cover(domain) is covered


@pytest.mark.parametrize(
    ("presented", "domain", "covered"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("::1", "[::1]", True),
        ("::1", "::1", True),
        ("::1", "[0:0:0:0:0:0:0:1]", True),
        ("::1", "[::2]", False),
    ],
)
def test_addresses(presented: str, domain: str, covered: bool) -> None:
    assert names(addresses=presented).cover(domain) is covered


@pytest.mark.parametrize(
    ("presented", "domain", "covered"),
    [
        ("example.org", "example.org", True),
        ("*.example.org", "im.example.org", False),
        ("romeo@example.org", "example.org", False),
        ("example.org/home", "example.org", False),
    ],
)
def test_xmpp_addresses(presented: str, domain: str, covered: bool) -> None:
    assert names(xmpp=presented).cover(domain) is covered
    assert not names(xmpp=presented).cover(domain, dns_only=True)


@pytest.mark.parametrize(
    ("presented", "covered"),
    [
        ("_xmpp-server.example.org", True),
        ("_xmpps-server.example.org", True),
        ("_xmpp-client.example.org", False),
        ("_imap.example.org", False),
        ("example.org", False),
        ("_xmpp-server.im.example.org", False),
        ("_xmpp-server.*.org", False),
    ],
)
def test_services(presented: str, covered: bool) -> None:
    assert names(services=presented).cover("example.org") is covered
    assert names(services=presented).cover("example.org", CLIENT_SERVICES) is ("client" in presented)
    assert not names(services=presented).cover("example.org", dns_only=True)


def test_they_are_read_from_certificates() -> None:
    certificate = make(
        [
            dns("Example.ORG"),
            dns("*.example.org"),
            address("192.0.2.1"),
            address("2001:db8::1"),
            xmpp("Bücher.example"),
            xmpp("romeo@example.org"),
            srv("_XMPP-Server.im.example.org"),
            x509.RFC822Name("romeo@mail.example"),
            x509.UniformResourceIdentifier("xmpp:uri.example"),
            x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.5"), b"\x16\x05a.org"),
            x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.5"), b"\x0c\x02\xff\xff"),
            x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.5"), b"\x0c\x00"),
            x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x0c\x05b.org"),
        ]
    ).certificate
    found = CertificateNames.of(certificate)
    assert found.dns == {"example.org", "*.example.org"}
    assert found.addresses == {"192.0.2.1", "2001:db8::1"}
    assert found.xmpp == {"xn--bcher-kva.example", "romeo@example.org", ""}
    assert found.services == {"_xmpp-server.im.example.org"}
    assert not found.cover("")
    assert str(CertificateNames.of(make([]).certificate)) == "nobody"


@pytest.mark.parametrize("length", [127, 128, 255, 256, 1000])
def test_long_xmpp_addresses_are_read(length: int) -> None:
    domain = ("a" * 50 + ".") * (length // 51)
    domain += "b" * (length - len(domain))
    size = bytes([length]) if length < 128 else bytes([0x81, length]) if length < 256 else None
    size = size or b"\x82" + length.to_bytes(2, "big")
    other = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.5"), b"\x0c" + size + domain.encode())
    assert CertificateNames.of(make([other]).certificate).cover(domain)


@given(domain=domains, respell=spelled)
def test_a_name_covers_itself_however_it_is_spelled(domain: str, respell) -> None:
    assert names(dns=domain).cover(respell(domain))
    assert names(xmpp=domain).cover(respell(domain))
    assert names(services=f"_xmpp-server.{domain}").cover(respell(domain))


@given(presented=domains, domain=domains)
def test_a_wildcard_covers_one_label_more_and_nothing_else(presented: str, domain: str) -> None:
    wildcard = names(dns=f"*.{presented}")
    assert wildcard.cover(f"x.{presented}")
    assert not wildcard.cover(presented)
    assert not wildcard.cover(f"x.y.{presented}")
    assert wildcard.cover(domain) == (domain.split(".")[1:] == presented.split("."))


@given(presented=domains, domain=domains)
def test_nobody_covers_another(presented: str, domain: str) -> None:
    found = names(dns=presented, xmpp=presented, services=f"_xmpp-server.{presented}")
    assert found.cover(domain) is (presented == domain)


@given(text=some.text())
def test_any_text_may_be_asked_for(text: str) -> None:
    assert names(dns="example.org", xmpp="example.org").cover(text) in (True, False)
