"""Looks at the certificates of the hosts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from burble.commands.checks.finding import Finding, ok
from burble.commands.checks.subject import Subject
from burble.tls import CertificateFiles
from burble.tls.inspection import inspect
from burble.tls.trust import Trust

__all__ = ["check_certificates"]


def check_certificates(subject: Subject, hosts: Iterable[str]) -> Iterator[Finding]:
    """Look at the certificates of some hosts: key, dates, names, usages, chain.

    One that is shared by hosts is looked at for each of them; what is the same for all is told once.
    """
    trust = Trust(subject.settings.federation.trust)
    shared: dict[CertificateFiles, list[str]] = defaultdict(list)
    for host in hosts:
        shared[subject.certificates[host]].append(host)
    for files, names in shared.items():
        told: set[tuple[str, str]] = set()
        if not subject.runs and not files.certificate.exists() and not _given(subject, names[0]):
            yield ok(f"certificate {names[0]}", "the first start makes a self-signed one")
            continue
        for name in names:
            for each in _of_host(subject, name, files, trust):
                if (each.level, each.text) not in told:
                    told.add((each.level, each.text))
                    yield each


def _given(subject: Subject, host: str) -> bool:
    return subject.settings.for_host(host).tls.certificate is not None


def _of_host(subject: Subject, host: str, files: CertificateFiles, trust: Trust) -> Iterator[Finding]:
    public = subject.is_public(host)
    # Services are for other servers alone, which never see those of a host without a public name.
    names = [host, *(subject.services.get(host, ()) if public else ())]
    for found in inspect(files, names, trust):
        name = f"certificate {host}"
        if found.level == "warning" and "self-signed" in found.text and not public:
            yield ok(name, "it is self-signed, as a name for this machine or network may be")
        else:
            yield Finding(found.level, name, found.text.removeprefix("the certificate "), found.advice)
