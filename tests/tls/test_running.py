"""A running server, whose certificate is renewed as ACME clients do it: nobody tells the server."""

from __future__ import annotations

import asyncio
import functools
import logging
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from burble.server import Server
from burble.testing import serving, settings
from burble.tls import CertificateFiles, CertificateWatch
from tests.conftest import Serve

from .authority import authority, dns, make
from .heard import Heard


def issue(directory: Path) -> tuple[CertificateFiles, bytes]:
    issued = make([dns("localhost")], authority())
    return issued.write(directory), issued.certificate.public_bytes(Encoding.DER)


async def shown(server: Server) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    port = next(int(address.rpartition(":")[2]) for address in server.addresses[1:])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return certificate


async def test_a_renewed_certificate_is_shown_without_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("burble.server.CertificateWatch", functools.partial(CertificateWatch, interval=0.01))
    caplog.set_level(logging.INFO, "burble.tls")
    files, first = issue(tmp_path)
    how = {
        "listen": {"c2s": ["127.0.0.1:0"], "c2s_tls": ["127.0.0.1:0"]},
        "tls": {"certificate": files.certificate, "key": files.key},
    }
    async with serving(tmp_path / "data", **how) as server:
        assert await shown(server) == first
        with Heard("the new certificate") as heard:
            _, second = issue(tmp_path)
            assert await heard.wait()
        assert await shown(server) == second != first
        await server.reload(settings(tmp_path / "data", **how))
        with Heard("the new certificate") as heard:
            _, third = issue(tmp_path)
            assert await heard.wait()
        assert await shown(server) == third != second


async def test_a_self_signed_certificate_is_made_anew_in_time(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as shorter:
        shorter.setattr("burble.tls.certificates._RENEW_BEFORE", timedelta())
        shorter.setattr("burble.tls.certificates._LIFETIME", timedelta(days=29))
        with Heard("in 28 days. Put a new one") as warned:
            server = await serve(listen={"c2s": ["127.0.0.1:0"], "c2s_tls": ["127.0.0.1:0"]})
            assert await warned.wait()
    first = await shown(server)
    server._watch.look(datetime.now(UTC) + timedelta(days=16))
    assert await shown(server) != first
