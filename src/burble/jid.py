"""Addresses of XMPP entities (RFC 7622) and the escaping of localparts (XEP-0106)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, final

import idna
from precis_i18n import get_profile

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

__all__ = ["JID", "JIDError", "escape_local", "unescape_local"]

PART_BYTES = 1023
"""Longest localpart, domainpart or resourcepart, in bytes of UTF-8 (RFC 7622 §3.2 to §3.4)."""

TEXT_CHARACTERS = 3 * PART_BYTES + 2
"""Longest text worth preparing: three parts and their separators. Preparation costs time per character."""

CACHED_TEXTS = 8192
"""How many parsed texts a process remembers."""

CACHED_CHARACTERS = 256
"""Longest text that is remembered, so that hostile addresses cannot pin much memory."""

FORBIDDEN_IN_LOCAL = frozenset("\"&'/:<>@")
"""Allowed by the PRECIS profile, excluded by RFC 7622 §3.3.1."""


class JIDError(ValueError):
    """A text is no JID; the message says which part is wrong and why."""


@final
class JID(str):
    """A JID: its text after preparation, so that two spellings of one address compare equal.

    It is a string, and hashes and compares as one: ``jid == "juliet@example.org"`` holds, and a JID finds
    what a plain string put into a dict. ``JID(text)`` is ``JID.parse(text)``.

    Attributes:
        local: the localpart, or an empty string.
        domain: the domainpart, with U-labels, in lower case.
        resource: the resourcepart, or an empty string.
    """

    __slots__ = ("_bare", "domain", "local", "resource")

    local: str
    domain: str
    resource: str
    _bare: JID | None

    def __new__(cls, text: str) -> JID:
        return JID.parse(text)

    @staticmethod
    def parse(text: str) -> JID:
        """Split, prepare and check an address as RFC 7622 §3 says.

        Domain names may hold underscores and the reserved ``ab--cd`` form, which RFC 5890 keeps from host
        names but live servers use. The other rules of LDH names hold, and IDNA for labels beyond ASCII.

        Args:
            text: an address as it stands in a stanza, with or without local and resource.

        Raises:
            JIDError: a part is empty, too long, or holds what it may not.
        """
        jid = _recall(text)
        return _parse(text) if jid is None else jid

    @staticmethod
    def build(local: str, domain: str, resource: str = "") -> JID:
        """Prepare and join three parts; an empty local or resource is left out.

        Raises:
            JIDError: a part is wrong, or holds a separator that would move it into another part.
        """
        if "@" in local or "/" in local:
            raise JIDError(f"localpart {_shown(local)} holds '@' or '/'")
        if "@" in domain or "/" in domain:
            raise JIDError(f"domainpart {_shown(domain)} holds '@' or '/'")
        text = f"{local}@{domain}" if local else domain
        return JID.parse(f"{text}/{resource}" if resource else text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> CoreSchema:
        """Let settings and commands take addresses: a JID from text, parsed."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls.parse, core_schema.str_schema())

    def with_resource(self, resource: str) -> JID:
        """This address with another resource; with an empty one, the bare JID.

        Raises:
            JIDError: the resource is too long or holds what a resourcepart may not.
        """
        return JID.parse(f"{self.bare}/{resource}") if resource else self.bare

    @property
    def bare(self) -> JID:
        """The address without its resource; for a bare JID, itself."""
        # Not stored on a bare JID: a reference to itself would leave it to the cycle collector.
        if not self.resource:
            return self
        bare = self._bare
        if bare is None:
            # By way of the cache, so that the many resources of one account or room share one bare JID.
            bare = self._bare = JID.parse(self[: -len(self.resource) - 1])
        return bare

    def __repr__(self) -> str:
        return f"JID({str(self)!r})"

    def __reduce__(self) -> tuple[Callable[[str], JID], tuple[str]]:
        return JID.parse, (str(self),)


_LABEL = r"(?!xn--)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_ascii_label = re.compile(_LABEL)
# What preparation leaves as it is. Possessive quantifiers keep the match linear in the text's length.
_prepared = re.compile(
    rf"(?:([!#-%(-.0-9;=?\[-`a-z{{-~]++)@)?+({_LABEL}(?:\.{_LABEL})*+)(?:/([!-~][ -~]*+))?+",
)
_username = get_profile("UsernameCaseMapped")
_opaque = get_profile("OpaqueString")

# Parsing is a pure function, so that all servers of a process can share what it gave.
_remembered: dict[str, JID] = {}
_recall = _remembered.get


def _parse(text: str) -> JID:
    """Parse a text that is not remembered, and remember it."""
    if isinstance(text, JID):
        return text
    if len(text) <= PART_BYTES and (match := _prepared.fullmatch(text)):
        local, domain, resource = match.groups("")
        jid = _make(text, local, domain, resource)
    else:
        jid = _prepare(text)
    if len(text) <= CACHED_CHARACTERS:
        if len(_remembered) >= CACHED_TEXTS:
            _forget_oldest()
        _remembered[text] = jid
    return jid


def _forget_oldest() -> None:
    """Drop a quarter at once: cheaper for each text than keeping track of which was used last."""
    for text in list(islice(_remembered, CACHED_TEXTS // 4)):
        _remembered.pop(text, None)


def _prepare(text: str) -> JID:
    """Split a text (RFC 7622 §3.1: first at '/', then at '@') and prepare its parts."""
    if len(text) > TEXT_CHARACTERS:
        raise JIDError(f"address {_shown(text)} is longer than {TEXT_CHARACTERS} characters")
    address, slash, resource = text.partition("/")
    local, at, domain = address.partition("@")
    if not at:
        local, domain = "", address
    domain = _prepare_domain(domain)
    prepared = domain
    if at:
        local = _prepare_local(local)
        prepared = f"{local}@{domain}"
    if slash:
        resource = _prepare_resource(resource)
        prepared = f"{prepared}/{resource}"
    return _make(prepared, local, domain, resource)


def _make(text: str, local: str, domain: str, resource: str) -> JID:
    jid = str.__new__(JID, text)
    jid.local = local
    jid.domain = domain
    jid.resource = resource
    jid._bare = None
    return jid


def _prepare_local(local: str) -> str:
    try:
        prepared = _username.enforce(local)
    except UnicodeError as error:
        raise JIDError(f"localpart {_shown(local)} is not allowed: {_reason(error)}") from None
    # After enforcement, because its width mapping turns a fullwidth '@' into the plain one.
    if not FORBIDDEN_IN_LOCAL.isdisjoint(prepared):
        raise JIDError(f"localpart {_shown(local)} holds one of the characters \" & ' / : < > @")
    return _check_length("localpart", prepared)


def _prepare_resource(resource: str) -> str:
    try:
        prepared = _opaque.enforce(resource)
    except UnicodeError as error:
        raise JIDError(f"resourcepart {_shown(resource)} is not allowed: {_reason(error)}") from None
    # OpaqueString would let it pass; RFC 7622 §3.5 (example 18) does not.
    if prepared.startswith(" "):
        raise JIDError(f"resourcepart {_shown(resource)} begins with a space")
    return _check_length("resourcepart", prepared)


def _prepare_domain(domain: str) -> str:
    """Normalise a domain name or an IP literal (RFC 7622 §3.2)."""
    if domain.startswith("["):
        return _prepare_ipv6(domain)
    try:
        # std3_rules would refuse underscores; ASCII labels are checked one by one below.
        mapped = idna.uts46_remap(domain, std3_rules=False).removesuffix(".")
        prepared = ".".join([_prepare_label(label) for label in mapped.split(".")])
    except UnicodeError as error:
        raise JIDError(f"domainpart {_shown(domain)} is not allowed: {_reason(error)}") from None
    return _check_length("domainpart", prepared)


def _prepare_label(label: str) -> str:
    """Turn an A-label into its U-label and check it; the label is in lower case already."""
    if _ascii_label.fullmatch(label):
        return label
    if label.isascii() and not label.startswith("xn--"):
        raise JIDError(f"domainpart holds the label {_shown(label)}: {_label_fault(label)}")
    # Of a U-label this checks the characters, by alabel() also the length it has in DNS.
    u_label = idna.ulabel(label)
    idna.alabel(u_label)
    return u_label


def _label_fault(label: str) -> str:
    if not label:
        return "a label may not be empty"
    if len(label) > 63:
        return "a label has at most 63 characters"
    return "a label has letters, digits and, not at its ends, hyphens"


def _prepare_ipv6(domain: str) -> str:
    try:
        if not domain.endswith("]") or "%" in domain:
            raise ValueError
        return f"[{ipaddress.IPv6Address(domain[1:-1])}]"
    except ValueError:
        raise JIDError(f"domainpart {_shown(domain)} is not an IPv6 address in brackets") from None


def _check_length(part: str, prepared: str) -> str:
    if len(prepared.encode()) > PART_BYTES:
        raise JIDError(f"{part} {_shown(prepared)} is longer than {PART_BYTES} bytes")
    return prepared


def _reason(error: UnicodeError) -> str:
    """What a PRECIS error (its reason) or an IDNA error (its message) complains of."""
    return error.reason if isinstance(error, UnicodeEncodeError) else str(error)[:160]


def _shown(text: str) -> str:
    """A text for an error message, cut to a length a log line can bear."""
    return repr(text if len(text) <= 80 else text[:80] + "...")


# XEP-0106 §3: the characters that a localpart cannot hold, and the backslash that escapes them.
_escape_of = {char: f"\\{ord(char):02x}" for char in " \"&'/:<>@\\"}
_char_of = {escape: char for char, escape in _escape_of.items()}
_escapes = "|".join(escape[1:] for escape in _char_of)
_to_escape = re.compile(rf"[ \"&'/:<>@]|\\(?={_escapes})")
_to_unescape = re.compile(rf"\\(?:{_escapes})")


def escape_local(text: str) -> str:
    """Escape a user name of any kind for use as a localpart (XEP-0106 §3).

    A backslash is escaped only where it would read as an escape.

    Raises:
        JIDError: the text begins or ends with a space, which has no escaped form there.
    """
    if text.startswith(" ") or text.endswith(" "):
        raise JIDError(f"user name {_shown(text)} begins or ends with a space")
    return _to_escape.sub(lambda match: _escape_of[match[0]], text)


def unescape_local(local: str) -> str:
    """Turn a localpart back into the user name it was escaped from, for use outside XMPP (XEP-0106 §4)."""
    return _to_unescape.sub(lambda match: _char_of[match[0]], local)
