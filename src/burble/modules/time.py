"""XEP-0202: tell the server's time."""

from __future__ import annotations

from datetime import UTC, datetime

from burble.module import Module, iq
from burble.namespaces import TIME
from burble.stanza import Iq
from burble.timestamps import format_stamp
from burble.xml import Element


class EntityTime(Module):
    """Answers who asks the server for its time."""

    features = (TIME,)

    @iq(TIME, "time", type="get")
    def report(self, request: Iq) -> Element:
        """Answer with the time in UTC and the offset of the server's own zone (§2)."""
        now = datetime.now(UTC).replace(microsecond=0)
        time = Element("time", TIME)
        time.add("tzo", text=now.astimezone().isoformat()[-len("+00:00") :])
        time.add("utc", text=format_stamp(now))
        return time
