"""A network for slidge with one person on it, who repeats what is said."""

from collections.abc import AsyncIterator
from typing import Any

from slidge import BaseGateway, BaseSession
from slidge.command import FormField
from slidge.contact import LegacyContact, LegacyRoster


class Gateway(BaseGateway):
    """The component."""

    COMPONENT_NAME = "Echoes"
    COMPONENT_TYPE = "echo"
    REGISTRATION_FIELDS = (FormField(var="username", label="Name", required=True),)

    async def validate(self, user_jid: Any, registration_form: Any) -> None:
        """Take anybody."""


class Contact(LegacyContact):
    """The one who repeats."""

    async def update_info(self) -> None:
        """Be a friend from the start, and there."""
        self.name = "Echo"
        self.is_friend = True
        self.online()

    async def on_message(self, message: Any) -> str:
        """Repeat what the user says; "elsewhere" is said once more as if with another client of theirs."""
        if message.body == "elsewhere":
            self.send_text("said elsewhere", carbon=True)
        else:
            self.send_text(f"{message.body}!")
        return "1"


class Roster(LegacyRoster[Contact]):
    """Everybody's contacts."""

    async def fill(self) -> AsyncIterator[Contact]:
        """There is one, whom slidge 0.4.2 would not put into the user's roster by itself."""
        contact = await self.by_legacy_id("echo")
        await contact.add_to_roster()
        yield contact


class Session(BaseSession[Contact]):
    """A user's."""

    async def login(self) -> str:
        """There is nothing to log in to."""
        return "listening"

    async def logout(self) -> None:
        """Nor to log out of."""
