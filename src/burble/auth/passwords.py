"""Preparation of passwords, so that the same keys on two keyboards make the same bytes.

SASLprep (RFC 4013) is used, not its successor OpaqueString (RFC 8265 §4). Clients make the SCRAM proofs,
and SCRAM (RFC 5802 §2.2, RFC 7677) tells them SASLprep; they follow it or send what was typed. The two
profiles agree on ASCII and nearly all that people type. They part over compatibility characters: OpaqueString
keeps ``ﬁ`` and ``²``, where SASLprep makes ``fi`` and ``2``, and so would lock out the clients that follow
SCRAM. Code points that Unicode 3.2 had not assigned (emoji) pass unchanged, as they do in clients that
do not prepare at all.
"""

import stringprep
import unicodedata

MAX_LENGTH = 1024
"""Longest password in characters: a limit on the work an unauthenticated peer can ask for."""

_PROHIBITED = (
    stringprep.in_table_c21_c22,  # controls
    stringprep.in_table_c3,  # private use
    stringprep.in_table_c4,  # not characters
    stringprep.in_table_c5,  # surrogates
    stringprep.in_table_c6,  # not for plain text
    stringprep.in_table_c7,  # not for canonical representation
    stringprep.in_table_c8,  # display controls
    stringprep.in_table_c9,  # tags
)


class InvalidPassword(ValueError):
    """A password that is empty, too long, or holds characters that cannot be typed reliably."""


def prepare_password(password: str) -> str:
    """Return ``password`` prepared by SASLprep (RFC 4013), unassigned code points allowed.

    Raises:
        InvalidPassword: it is empty before or after preparation, longer than `MAX_LENGTH`, holds
            a character that RFC 4013 §2.3 prohibits, or mixes directions against RFC 3454 §6.
    """
    if not password:
        raise InvalidPassword("the password is empty")
    if len(password) > MAX_LENGTH:
        raise InvalidPassword(f"the password is longer than {MAX_LENGTH} characters")
    if password.isascii() and password.isprintable():
        return password
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char
        for char in password
        if not stringprep.in_table_b1(char)
    )
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if not prepared:
        raise InvalidPassword("the password holds only invisible characters")
    for char in prepared:
        if any(prohibits(char) for prohibits in _PROHIBITED):
            raise InvalidPassword(f"the password holds the forbidden character U+{ord(char):04X}")
    _check_direction(prepared)
    return prepared


def _check_direction(text: str) -> None:
    """RFC 3454 §6: a right-to-left text starts and ends so, and holds no left-to-right character."""
    if not any(map(stringprep.in_table_d1, text)):
        return
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    if not ends or any(map(stringprep.in_table_d2, text)):
        raise InvalidPassword("the password mixes right-to-left and left-to-right text")
