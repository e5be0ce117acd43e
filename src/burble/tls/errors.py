"""What can go wrong with TLS, in words for the person who reads the log."""

from __future__ import annotations

from OpenSSL import SSL

#: OpenSSL's reasons that need more words than OpenSSL gives them.
_IN_OTHER_WORDS = {
    "http request": "the peer speaks HTTP, not TLS",
    "wrong version number": "what the peer sent is not TLS",
    "data length too long": "what the peer sent is not TLS, or was damaged on the way",
    "packet length too long": "what the peer sent is not TLS",
    "record layer failure": "what the peer sent is not TLS, or was damaged on the way",
    "bad record type": "what the peer sent is not TLS, or was damaged on the way",
    "decryption failed or bad record mac": "a record was damaged on the way",
    "unsupported protocol": "the peer offers only TLS versions older than the minimum",
    "no shared cipher": "the peer and this server have no cipher in common",
    "excessive message size": "the peer's handshake is too large: does it show too many certificates?",
    "no application protocol": "the peer asks for another protocol than XMPP (ALPN, RFC 7301)",
}


class TlsError(Exception):
    """A certificate that cannot be used, or a session that failed; the text says why.

    A session that failed stays failed. Its `outgoing` still holds the alert that tells the peer.
    """


class NoCommonProtocol(Exception):
    """Raised inside the ALPN callback: the way to make pyOpenSSL send ``no_application_protocol``."""


def reason(error: Exception) -> str:
    """Say in words why OpenSSL (through pyOpenSSL) gave up."""
    if isinstance(error, NoCommonProtocol):
        return _IN_OTHER_WORDS["no application protocol"]
    if isinstance(error, SSL.SysCallError):
        return "the connection ended in the middle of a record"
    if isinstance(error, SSL.Error) and error.args and isinstance(error.args[0], list):
        # The oldest entry of OpenSSL's queue is the cause, later ones tell which layers it came through.
        reasons = [str(text) for _, _, text in error.args[0] if text]
        if reasons and " alert " in reasons[0]:
            return f"the peer refused to go on: {reasons[0]}"
        if reasons:
            return _IN_OTHER_WORDS.get(reasons[0], reasons[0])
    return str(error) or type(error).__name__
