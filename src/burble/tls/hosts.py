"""Which certificate each virtual host shows, as the settings say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

from burble.config import Settings
from burble.tls.certificates import CertificateFiles, ascii_name, self_signed, self_signed_files

__all__ = ["certificate_files", "make_self_signed", "own_directory"]


def certificate_files(settings: Settings, added: Collection[str] = ()) -> dict[str, CertificateFiles]:
    """The files of each host's certificate, whether they are there or not.

    Hosts without one that the settings name have a self-signed one: together those of the settings file, each
    of the others one of its own, so that adding a host changes nothing that others show.

    Args:
        settings: the server's.
        added: the hosts that the settings file does not name.
    """
    files = {}
    for name in settings.hosts:
        tls = settings.for_host(name).tls
        if tls.certificate is not None and tls.key is not None:
            files[name] = CertificateFiles(tls.certificate, tls.key)
        else:
            files[name] = self_signed_files(_directory(settings, name, added))
    return files


def make_self_signed(
    settings: Settings, added: Collection[str] = (), hosts: Iterable[str] | None = None
) -> None:
    """Make the self-signed certificates that are needed and not there, or end within 30 days.

    Args:
        settings: the server's.
        added: the hosts that the settings file does not name.
        hosts: those to look at; None for all.
    """
    needed: defaultdict[Path, list[str]] = defaultdict(list)
    for name in settings.hosts if hosts is None else hosts:
        if settings.for_host(name).tls.certificate is None:
            needed[_directory(settings, name, added)].append(name)
    for directory, names in needed.items():
        self_signed(directory, names)


def own_directory(data_dir: Path, name: str) -> Path:
    """Where the self-signed certificate is that a single host has."""
    return data_dir / "self-signed" / ascii_name(name)


def _directory(settings: Settings, name: str, added: Collection[str]) -> Path:
    return own_directory(settings.data_dir, name) if name in added else settings.data_dir
