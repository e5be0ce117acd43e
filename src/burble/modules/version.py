"""XEP-0092: tell which software serves a host."""

from __future__ import annotations

import platform

from pydantic import Field

from burble import __version__
from burble.module import Module, ModuleSettings, iq
from burble.namespaces import VERSION
from burble.stanza import Iq
from burble.xml import Element


class Version(Module):
    """Answers who asks the server for its software, and its operating system where that may be told."""

    features = (VERSION,)

    class Settings(ModuleSettings):
        """What is told."""

        os: bool = Field(
            default=False, description="Tell the name of the operating system as well (XEP-0092 §4)."
        )

    @iq(VERSION, "query", type="get")
    def report(self, request: Iq) -> Element:
        """Answer with the name and version of the server (§2)."""
        query = Element("query", VERSION)
        query.add("name", text="Burble")
        query.add("version", text=__version__)
        if self.settings.os:
            query.add("os", text=platform.system())
        return query
