"""Administration of accounts (XEP-0133 §4.1 to §4.10)."""

from __future__ import annotations

from typing import Final

from burble.errors import StanzaError
from burble.faces.adhoc.desk import Desk, asking
from burble.fields import FormError
from burble.forms import Form
from burble.jid import JID
from burble.modules.adhoc import Ask, Done, Note, Steps
from burble.namespaces import ADMIN, ROSTER
from burble.xml import Element

# What is asked about a new user besides, and where it goes in the vCard.
_VCARD: Final = {
    "email": ("Email address", "EMAIL", "USERID"),
    "given_name": ("Given name", "N", "GIVEN"),
    "surname": ("Family name", "N", "FAMILY"),
}


async def add_user(desk: Desk) -> Steps:
    """§4.1: register an account; the names and the email address go into its vCard."""
    form = asking("Adding a User", "Fill out this form to add a user.")
    form.add("accountjid", "jid-single", label="The Jabber ID for the account to be added", required=True)
    form.add("password", "text-private", label="The password for this account")
    form.add("password-verify", "text-private", label="Retype password")
    for var, (label, _, _) in _VCARD.items():
        form.add(var, label=label)
    answer = yield Ask(form)
    jid, password = answer["accountjid"], answer.get("password") or ""
    if jid.domain != desk.host.name or not jid.local or jid.resource:
        raise FormError("accountjid", f"expected an account of {desk.host.name}; got {jid}")
    if not password:
        raise FormError("password", "nobody could log in without a password")
    if password != answer.get("password-verify"):
        raise FormError("password-verify", "the two passwords differ")
    await desk.call("register", user=jid.local, password=password)
    notes = []
    for var, (label, name, part) in _VCARD.items():
        if answer.get(var):
            try:
                await desk.call("set_vcard2", user=jid.local, name=name, subname=part, content=answer[var])
            except StanzaError as error:  # the account is there all the same
                notes.append(Note(f"{label} could not be stored: {error.text}", "warn"))
    yield Done(*notes)


async def delete_user(desk: Desk) -> Steps:
    """§4.2."""
    form = _about_several(
        "Deleting a User", "Fill out this form to delete a user.", "The Jabber ID(s) to delete"
    )
    answer = yield Ask(form)

    async def delete(jid: JID) -> None:
        await desk.call("unregister", user=await desk.account(jid))

    yield await desk.each(answer["accountjids"], delete)


async def disable_user(desk: Desk) -> Steps:
    """§4.3."""
    form = _about_several(
        "Disabling a User", "Fill out this form to disable a user.", "The Jabber ID(s) to disable"
    )
    answer = yield Ask(form)

    async def disable(jid: JID) -> None:
        await desk.call("ban_account", user=await desk.account(jid), reason="")

    yield await desk.each(answer["accountjids"], disable)


async def reenable_user(desk: Desk) -> Steps:
    """§4.4."""
    form = _about_several(
        "Re-Enable a User", "Fill out this form to re-enable a user.", "The Jabber ID(s) to re-enable"
    )
    answer = yield Ask(form)

    async def enable(jid: JID) -> None:
        await desk.call("unban_account", user=await desk.account(jid))

    yield await desk.each(answer["accountjids"], enable)


async def end_user_session(desk: Desk) -> Steps:
    """§4.5: all sessions of a bare JID, one of a full JID."""
    form = _about_several(
        "Ending a User Session",
        "Fill out this form to end a user's session.",
        "The Jabber ID(s) for which to end sessions",
    )
    answer = yield Ask(form)

    async def end(jid: JID) -> None:
        user = await desk.account(jid, or_session=True)
        if jid.resource:
            await desk.call("kick_session", user=user, resource=jid.resource, reason="")
        else:
            await desk.call("kick_user", user=user)

    yield await desk.each(answer["accountjids"], end)


async def get_user_password(desk: Desk) -> Steps:
    """§4.6: nobody can tell a password.

    Raises:
        StanzaError: not-allowed.
    """
    raise StanzaError("not-allowed", "passwords are not kept, so nobody can read one; you can change it")
    yield Done()  # never; but all commands are generators


async def change_user_password(desk: Desk) -> Steps:
    """§4.7."""
    form = asking("Changing a User Password", "Fill out this form to change a user's password.")
    form.add("accountjid", "jid-single", label="The Jabber ID for this account", required=True)
    form.add("password", "text-private", label="The password for this account", required=True)
    answer = yield Ask(form)
    user = await desk.account(answer["accountjid"])
    await desk.call("change_password", user=user, newpass=answer["password"])
    yield Done()


async def get_user_roster(desk: Desk) -> Steps:
    """§4.8: the form of the result holds the roster, as RFC 6121 §2 has it, of each account."""
    form = _about_several(
        "Getting a User's Roster",
        "Fill out this form to get a user's roster.",
        "The Jabber ID(s) for which to retrieve the roster",
    )
    answer = yield Ask(form)
    shown = _result(answer["accountjids"]).to_element()

    async def show(jid: JID) -> None:
        contacts = await desk.call("get_roster", user=await desk.account(jid))
        query = Element("query", ROSTER)
        for contact in contacts:
            attrs = {"jid": contact.jid, "name": contact.nick, "subscription": contact.subscription}
            item = query.add("item", attrs={key: value for key, value in attrs.items() if value})
            for group in contact.groups:
                item.add("group", text=group)
        shown.append(query)

    done = await desk.each(answer["accountjids"], show)
    yield Done(shown, *done.notes)


async def get_user_lastlogin(desk: Desk) -> Steps:
    """§4.9: when the latest session began, or where there is none when the last one ended."""
    form = _about_several(
        "Getting a User's Last Login Time",
        "Fill out this form to get a user's last login time.",
        "The Jabber ID(s) for which to retrieve the last login time",
    )
    answer = yield Ask(form)
    times, notes = [], []

    async def show(jid: JID) -> None:
        stats = await desk.call("user_stats", user=await desk.account(jid))
        times.append(stats.last_login)
        if not stats.last_login:
            notes.append(Note(f"{jid.bare} has never been connected"))
        elif not stats.resources:
            notes.append(Note(f"{jid.bare} is offline: the time is that of its last logout"))

    done = await desk.each(answer["accountjids"], show)
    shown = _result(answer["accountjids"])
    shown.add("lastlogin", value=times)
    yield Done(shown, *notes, *done.notes)


async def user_stats(desk: Desk) -> Steps:
    """§4.10. What would cost something for each stanza is not counted: stanzas and logins in a time."""
    form = asking("Get User Statistics", "Fill out this form to gather user statistics.")
    form.add("accountjid", "jid-single", label="The Jabber ID for statistics", required=True)
    answer = yield Ask(form)
    stats = await desk.call("user_stats", user=await desk.account(answer["accountjid"]))
    shown = Form("result", ADMIN)
    shown.add("ipaddresses", "list-multi", value=stats.addresses)
    shown.add("rostersize", value=stats.contacts)
    shown.add("onlineresources", "text-multi", value=stats.resources)
    yield Done(shown)


def _about_several(title: str, instructions: str, label: str) -> Form:
    form = asking(title, instructions)
    form.add("accountjids", "jid-multi", label=label, required=True)
    return form


def _result(jids: list[JID]) -> Form:
    form = Form("result", ADMIN)
    form.add("accountjids", "jid-multi", value=jids)
    return form
