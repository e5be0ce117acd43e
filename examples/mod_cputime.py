"""`mod_cputime` of the ejabberd developers' guide (§8.1): tell how long the server has computed."""

from __future__ import annotations

import time
from typing import Final

from burble import Element, Iq, Module, iq

NS_CPUTIME: Final = "ejabberd:cputime"


class CpuTime(Module):
    """Answers who asks the host for its processor time."""

    name = "cputime"
    features = (NS_CPUTIME,)

    @iq(NS_CPUTIME, "query", type="get", discipline="queue")
    def report(self, request: Iq) -> Element:
        """Answer with the seconds the process has computed; a request of type set is not-allowed."""
        query = Element("query", NS_CPUTIME)
        query.add("cputime", text=f"{time.process_time():.3f}")
        return query
