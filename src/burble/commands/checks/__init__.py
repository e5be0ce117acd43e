"""What `burblectl doctor` looks at; each file is about one kind of things."""

from __future__ import annotations

from collections.abc import Sequence

from burble.commands.checks.certificates import check_certificates
from burble.commands.checks.data import check_data_directory, check_database, check_disk
from burble.commands.checks.federation import check_federation
from burble.commands.checks.finding import Finding
from burble.commands.checks.names import check_names
from burble.commands.checks.ports import check_ports, check_registration
from burble.commands.checks.subject import Subject
from burble.commands.checks.system import check_clock, check_files, check_versions

__all__ = ["Finding", "Subject", "examine"]


async def examine(subject: Subject, hosts: Sequence[str]) -> list[Finding]:
    """Look at a server, and change nothing.

    Args:
        subject: the server.
        hosts: the hosts whose names and certificates are looked at.

    Returns:
        What was found, of the machine first, then of the hosts.
    """
    findings = [
        *check_versions(subject),
        *check_clock(subject),
        *check_files(subject),
        *check_data_directory(subject),
        *check_disk(subject),
    ]
    findings += [each async for each in check_database(subject)]
    findings += [*check_ports(subject), *check_registration(subject), *check_federation(subject)]
    return [*findings, *check_certificates(subject, hosts), *await check_names(subject, hosts)]
