"""Takes new certificates into use when their files change, and warns before they are over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from burble.tls.certificates import CertificateFiles
from burble.tls.context import CertificateInUse, TlsContext

_log = logging.getLogger("burble.tls")

_WARN_AT_DAYS: Final = (30, 14, 7, 3, 1, 0)


class CertificateWatch:
    """Looks at the files of the certificates in use, once a minute.

    What it finds is logged: a new certificate, once it is in use; a new file that can't be used, once;
    and a certificate that is over in 30, 14, 7, 3 days, in one, or now.

    Attributes:
        context: whose certificates; may be changed at any time.
    """

    def __init__(
        self,
        context: TlsContext,
        renew: Callable[[CertificateInUse], None] | None = None,
        interval: float = 60.0,
    ) -> None:
        """Look for the first time when the loop comes to it.

        Args:
            context: whose certificates.
            renew: called before a warning that a certificate is soon over, which is not given if there is
                another in its place then.
            interval: seconds between two looks.
        """
        self.context = context
        self._renew = renew
        self._interval = interval
        self._warned: dict[CertificateFiles, tuple[datetime, int]] = {}
        self._problems: dict[CertificateFiles, str] = {}
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Handle = self._loop.call_soon(self._look_on)

    def stop(self) -> None:
        """Look no more."""
        self._next.cancel()

    def _look_on(self) -> None:
        self._next = self._loop.call_later(self._interval, self._look_on)
        self.look()

    def look(self, now: datetime | None = None) -> None:
        """Look now.

        Args:
            now: the time to compare the ends of certificates with.
        """
        now = now or datetime.now(UTC)
        self._refresh()
        if self._renew is not None and (due := self._due(now)):
            for each in due:
                self._renew(each)
            self._refresh()
        for each in self._due(now):
            _warn(each, each.ends - now)
        self._warned = {
            each.files: (each.ends, stage)
            for each in self.context.in_use
            if (stage := _stage(each.ends - now)) is not None
        }

    def _refresh(self) -> None:
        renewed, problems = self.context.refresh()
        for each in renewed:
            _log.info("%s: the new certificate %s is in use, until %s", _hosts(each), *_where(each))
        for each in self.context.in_use:
            problem = problems.get(each.files)
            if problem is not None and problem != self._problems.get(each.files):
                _log.error("%s: %s. The certificate read before stays in use", _hosts(each), problem)
        self._problems = problems

    def _due(self, now: datetime) -> list[CertificateInUse]:
        """The certificates about whose end something is to be said that has not been said."""
        return [
            each
            for each in self.context.in_use
            if (stage := _stage(each.ends - now)) is not None
            and self._warned.get(each.files) != (each.ends, stage)
        ]


def _stage(left: timedelta) -> int | None:
    """The least number of days, of those to warn at, that is not less than what is left."""
    return min((days for days in _WARN_AT_DAYS if left <= timedelta(days=days)), default=None)


def _warn(certificate: CertificateInUse, left: timedelta) -> None:
    if left > timedelta():
        _log.warning(
            "%s: the certificate %s is over on %s, in %s. Put a new one in its place",
            _hosts(certificate),
            *_where(certificate),
            _time_left(left),
        )
    else:
        _log.error(
            "%s: the certificate %s is over since %s: clients and other servers refuse it. "
            "Put a new one in its place",
            _hosts(certificate),
            *_where(certificate),
        )


def _hosts(certificate: CertificateInUse) -> str:
    first, *others = certificate.hosts
    return f"{first} and {len(others)} more" if len(others) > 2 else ", ".join(certificate.hosts)


def _where(certificate: CertificateInUse) -> tuple[str, str]:
    return str(certificate.files.certificate), f"{certificate.ends:%Y-%m-%d %H:%M} UTC"


def _time_left(left: timedelta) -> str:
    return f"{left.days} days" if left.days > 1 else "a day" if left.days == 1 else "less than a day"
