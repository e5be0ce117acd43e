"""Who uses the service; who may, and who administers it (XEP-0133 §4.11 to §4.22, §4.29)."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from burble.errors import StanzaError
from burble.faces.adhoc.desk import Desk, asking, result
from burble.fields import FormError
from burble.jid import JID
from burble.modules.adhoc import Ask, Done, Steps

Users: TypeAlias = Literal["registered", "disabled", "online", "active", "idle"]

_CHOICES: Final = ("25", "50", "75", "100", "150", "200")
# More than a client could take in one stanza.
_MOST: Final = 5000
_LABELS: Final[dict[Users, str]] = {
    "registered": "The list of all users",
    "disabled": "The list of all disabled users",
    "online": "The list of all online users",
    "active": "The list of active users",
    "idle": "The list of idle users",
}


async def count(which: Users, desk: Desk) -> Steps:
    """§4.13 to §4.17."""
    number = await desk.host.authenticator.count() if which == "registered" else len(await _find(which, desk))
    yield Done(result(f"{which}usersnum", "text-single", f"The number of {which} users", number))


async def show(which: Users, desk: Desk) -> Steps:
    """§4.18 to §4.22.

    Raises:
        StanzaError: not-acceptable, where there are too many to show all.
    """
    form = asking(
        f"Requesting List of {which.capitalize()} Users",
        f"Fill out this form to request the {which} users of this service.",
    )
    options = {choice: choice for choice in _CHOICES} | {"none": "None"}
    form.add("max_items", "list-single", label="Maximum number of items to show", options=options)
    answer = yield Ask(form)
    limit = answer.get("max_items") or "none"
    found = await _find(which, desk)
    if limit != "none":
        found = found[: int(limit)]
    if len(found) > _MOST:
        raise StanzaError("not-acceptable", f"there are {len(found)}: choose how many to show", "modify")
    # What the specification calls the field of idle users, too.
    var = "activeuserjids" if which == "idle" else f"{which}userjids"
    yield Done(result(var, "jid-multi", _LABELS[which], found))


async def edit_blacklist(desk: Desk) -> Steps:
    """§4.11."""
    form = asking(
        "Editing the Blacklist",
        "Fill out this form to edit the list of entities with whom communications are disallowed.",
    )
    form.add("blacklistjids", "jid-multi", label="The blacklist", value=await _list(desk, "blacklist"))
    answer = yield Ask(form)
    await _replace(desk, "blacklist", answer.get("blacklistjids", []))
    yield Done()


async def edit_whitelist(desk: Desk) -> Steps:
    """§4.12."""
    form = asking(
        "Editing the Whitelist",
        "Fill out this form to edit the list of entities with whom communications are allowed.",
    )
    form.add("whitelistjids", "jid-multi", label="The whitelist", value=await _list(desk, "whitelist"))
    answer = yield Ask(form)
    await _replace(desk, "whitelist", answer.get("whitelistjids", []))
    yield Done()


async def edit_admin(desk: Desk) -> Steps:
    """§4.29: those of the settings file are shown, but only there can they be taken away."""
    fixed = desk.host.settings.admins
    form = asking(
        "Editing the Admin List",
        "Fill out this form to edit the list of entities who have administrative privileges.",
    )
    added = await _list(desk, "admins")
    form.add("adminjids", "jid-multi", label="The admin list", value=dict.fromkeys([*fixed, *added]))
    answer = yield Ask(form)
    wanted = answer.get("adminjids", [])
    missing = [jid for jid in fixed if jid not in wanted]
    if missing:
        text = f"{', '.join(missing)} can only be taken out of the key admins in the settings file"
        raise FormError("adminjids", text)
    await _replace(desk, "admins", [jid for jid in wanted if jid not in fixed])
    yield Done()


async def _list(desk: Desk, name: str) -> list[str]:
    found: list[str] = await desk.call("get_access_list", name=name)
    return found


async def _replace(desk: Desk, name: str, jids: list[JID]) -> None:
    await desk.call("set_access_list", name=name, jids=jids)


async def _find(which: Users, desk: Desk) -> list[str]:
    found: list[str]
    if which == "registered":
        users: list[str] = await desk.call("registered_users")
        found = [f"{user}@{desk.host.name}" for user in users]
    elif which == "disabled":
        found = await desk.call("list_banned")
    else:
        found = await desk.call("users_by_activity", activity=which)
    return found
