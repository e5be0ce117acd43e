"""Certificates that change on the disk, and those that are soon over."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from burble.tls import CertificateFiles, CertificateWatch, TlsContext
from burble.tls.context import CertificateInUse

from .authority import Issued, authority, dns, make
from .heard import Heard
from .test_servers import talk


@pytest.fixture(scope="module")
def root() -> Issued:
    return authority()


def issue(root: Issued, directory: Path, host: str, days: int = 90) -> CertificateFiles:
    return make([dns(host)], root, end=timedelta(days=days, hours=1)).write(directory, host)


def shown(context: TlsContext, host: str) -> x509.Certificate:
    caller = context.client_session(host, host)
    talk(caller, context.session(ask_peer=True))
    return caller.peer_chain[0]


Make = Callable[[TlsContext], CertificateWatch]


@pytest.fixture
async def watching() -> AsyncIterator[Make]:
    watches: list[CertificateWatch] = []

    def watch(context: TlsContext) -> CertificateWatch:
        watches.append(CertificateWatch(context))
        return watches[-1]

    yield watch
    for each in watches:
        each.stop()


async def test_a_new_file_is_used_and_the_rest_stays(
    root: Issued, tmp_path: Path, watching: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "burble.tls")
    a, b = issue(root, tmp_path, "a.example"), issue(root, tmp_path, "b.example")
    context = TlsContext({"a.example": a, "im.a.example": a, "b.example": b}, "a.example")
    watch = watching(context)
    before = [shown(context, host) for host in ("a.example", "im.a.example", "b.example")]
    watch.look()
    assert caplog.messages == []
    earlier = context.session()
    issue(root, tmp_path, "a.example", days=60)
    watch.look()
    after = [shown(context, host) for host in ("a.example", "im.a.example", "b.example")]
    assert after[0] == after[1] != before[0]
    assert after[2] == before[2]
    caller = context.client_session("b.example", "nobody.example", ["xmpp-client"])
    talk(caller, earlier)
    assert caller.peer_chain[0] == before[0], "a session that had begun goes on"
    ends = after[0].not_valid_after_utc
    assert caplog.messages == [
        f"a.example, im.a.example: the new certificate {a.certificate} is in use, "
        f"until {ends:%Y-%m-%d %H:%M} UTC"
    ]


async def test_a_broken_file_is_told_once_and_keeps_nobody_else_from_the_new_one(
    root: Issued, tmp_path: Path, watching: Make, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = issue(root, tmp_path, "a.example"), issue(root, tmp_path, "b.example")
    context = TlsContext({"a.example": a, "b.example": b}, "a.example")
    watch = watching(context)
    before = [shown(context, host) for host in ("a.example", "b.example")]
    good = a.certificate.read_bytes()
    a.certificate.write_text("half a certificate")
    issue(root, tmp_path, "b.example")
    watch.look()
    watch.look()
    assert shown(context, "a.example") == before[0]
    assert shown(context, "b.example") != before[1]
    a.certificate.unlink()
    watch.look()
    watch.look()
    assert shown(context, "a.example") == before[0]
    keeps = "The certificate read before stays in use"
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        f"a.example: {a.certificate} holds no PEM certificate. {keeps}",
        f"a.example: cannot read {a.certificate}: No such file or directory. {keeps}",
    ]
    a.certificate.write_bytes(good)
    watch.look()
    caplog.clear()
    a.certificate.unlink()
    watch.look()
    assert len(caplog.messages) == 1, "it is told again when it breaks again"


async def test_the_end_of_a_certificate_is_announced(
    root: Issued, tmp_path: Path, watching: Make, caplog: pytest.LogCaptureFixture
) -> None:
    hosts = [f"{name}.example" for name in "abcd"]
    files = issue(root, tmp_path, "a.example")
    context = TlsContext(dict.fromkeys(hosts, files), "a.example")
    watch = watching(context)
    (certificate,) = context.in_use
    told = []
    for hours_left in range(40 * 24, -48, -1):
        watch.look(certificate.ends - timedelta(hours=hours_left))
        if caplog.messages:
            told.append((hours_left, caplog.records[0].levelname, *caplog.messages))
            caplog.clear()
    about = f"a.example and 3 more: the certificate {files.certificate} is over"
    on, place = f"{certificate.ends:%Y-%m-%d %H:%M} UTC", "Put a new one in its place"
    assert told == [
        *((days * 24, "WARNING", f"{about} on {on}, in {days} days. {place}") for days in (30, 14, 7, 3)),
        (24, "WARNING", f"{about} on {on}, in a day. {place}"),
        (0, "ERROR", f"{about} since {on}: clients and other servers refuse it. {place}"),
    ]
    watch.look(certificate.ends - timedelta(hours=3))
    assert f"{about} on {on}, in less than a day" in caplog.text


async def test_a_new_certificate_ends_the_warnings(
    root: Issued, tmp_path: Path, watching: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "burble.tls")
    files = issue(root, tmp_path, "a.example", days=6)
    context = TlsContext({"a.example": files}, "a.example")
    watch = watching(context)
    watch.look()
    watch.look()
    assert len(caplog.messages) == 1, "what is left when the server starts is told, once"
    issue(root, tmp_path, "a.example", days=90)
    watch.look()
    assert len(caplog.messages) == 1
    issue(root, tmp_path, "a.example", days=5)
    watch.look()
    assert len(caplog.messages) == 2


async def test_what_can_be_renewed_in_time_needs_no_warning(
    root: Issued, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "burble.tls")
    context = TlsContext({"a.example": issue(root, tmp_path, "a.example", days=60)}, "a.example")
    asked: list[CertificateInUse] = []
    (first,) = context.in_use
    watch = CertificateWatch(context, asked.append)
    watch.stop()
    watch.look()
    assert asked == []
    for _ in range(2):
        watch.look(first.ends - timedelta(days=20))
    assert asked == [first], "once"
    assert "in 20 days" in caplog.text
    caplog.clear()

    def renew(_: CertificateInUse) -> None:
        issue(root, tmp_path, "a.example", days=400)

    watch = CertificateWatch(context, renew)
    watch.stop()
    watch.look(first.ends - timedelta(days=20))
    assert caplog.messages == []
    assert context.in_use[0].ends > first.ends


async def test_it_looks_by_itself(root: Issued, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "burble.tls")
    context = TlsContext({"a.example": issue(root, tmp_path, "a.example")}, "a.example")
    before = shown(context, "a.example")
    watch = CertificateWatch(context, interval=0.01)
    try:
        with Heard("a.example: the new certificate") as heard:
            issue(root, tmp_path, "a.example")
            assert await heard.wait()
        assert shown(context, "a.example") != before
        with Heard("b.example: the certificate") as heard:
            watch.context = TlsContext({"b.example": issue(root, tmp_path, "b.example", days=3)}, "b.example")
            assert await heard.wait()
    finally:
        watch.stop()
    with Heard("b.example") as heard:
        issue(root, tmp_path, "b.example", days=2)
        assert not await heard.wait(0.05), "stopped is stopped"
