"""Announcements, and the end of the service, announced too (XEP-0133 §4.23 to §4.28, §4.30, §4.31)."""

from __future__ import annotations

import logging
from typing import Final

from burble.errors import StanzaError
from burble.faces.adhoc.desk import Desk, asking
from burble.forms import Form
from burble.modules.adhoc import Ask, Done, Steps

_log = logging.getLogger("burble.adhoc")

_DELAYS: Final = {
    "30": "30 seconds",
    "60": "60 seconds",
    "90": "90 seconds",
    "120": "2 minutes",
    "180": "3 minutes",
    "240": "4 minutes",
    "300": "5 minutes",
}


async def announce(desk: Desk) -> Steps:
    """§4.23."""
    text = "Fill out this form to make an announcement to all active users of this service."
    form = _saying("Making an Announcement", text, "announcement", "Announcement")
    answer = yield Ask(form)
    await desk.call("announce_send_online", subject="", body=answer["announcement"])
    yield Done()


async def set_motd(desk: Desk) -> Steps:
    """§4.24."""
    text = "Fill out this form to set the message of the day."
    form = _saying("Setting the Message of the Day", text, "motd", "Message of the Day")
    answer = yield Ask(form)
    await desk.call("announce_motd_set_online", subject="", body=answer["motd"])
    yield Done()


async def edit_motd(desk: Desk) -> Steps:
    """§4.25: those who have seen it are not sent it again."""
    present = await desk.call("announce_motd_get")
    text = "Fill out this form to edit the message of the day."
    form = _saying("Editing the Message of the Day", text, "motd", "Message of the Day", present.body)
    answer = yield Ask(form)
    await desk.call("announce_motd_update", subject=present.subject, body=answer["motd"])
    yield Done()


async def delete_motd(desk: Desk) -> Steps:
    """§4.26."""
    await desk.call("announce_motd_delete")
    yield Done()


async def set_welcome(desk: Desk) -> Steps:
    """§4.27."""
    present = await desk.call("announce_welcome_get")
    text = "Fill out this form to set the welcome message for this service."
    form = _saying("Setting Welcome Message", text, "welcome", "Welcome Message", present.body)
    answer = yield Ask(form)
    await desk.call("announce_welcome_set", subject=present.subject, body=answer["welcome"])
    yield Done()


async def delete_welcome(desk: Desk) -> Steps:
    """§4.28."""
    await desk.call("announce_welcome_delete")
    yield Done()


async def restart(desk: Desk) -> Steps:
    """§4.30."""
    form = _ending("Restarting the Service", "Fill out this form to restart the service.", "restarting")
    answer = yield Ask(form)
    _begin(desk, "restart_kindly", answer.get("delay"), answer.get("announcement"))
    yield Done()


async def shut_down(desk: Desk) -> Steps:
    """§4.31."""
    form = _ending(
        "Shutting Down the Service", "Fill out this form to shut down the service.", "shutting down"
    )
    answer = yield Ask(form)
    _begin(desk, "stop_kindly", answer.get("delay"), answer.get("announcement"))
    yield Done()


def _begin(desk: Desk, command: str, delay: str | None, announcement: str | None) -> None:
    """Call a command that waits; who has asked for it does not."""

    async def call() -> None:
        try:
            await desk.call(command, delay=int(delay or 0), announcement=announcement or "")
        except StanzaError as error:
            _log.error("%s, which %s asked for, failed: %s", command, desk.caller.name, error.text)

    desk.host.spawn(call())


def _saying(title: str, instructions: str, var: str, label: str, present: str = "") -> Form:
    form = asking(title, instructions)
    form.add(var, "text-multi", label=label, required=True, value=present or None)
    return form


def _ending(title: str, instructions: str, what: str) -> Form:
    form = asking(title, instructions)
    form.add("delay", "list-single", label=f"Time delay before {what}", options=_DELAYS)
    form.add("announcement", "text-multi", label="Announcement")
    return form
