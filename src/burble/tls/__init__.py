"""TLS without sockets: a transport passes bytes through a `TlsSession` and keeps the buffers.

STARTTLS (RFC 6120 §5) and direct TLS (XEP-0368) are therefore the same thing, started at different moments.
"""

from burble.tls.certificates import CertificateFiles, self_signed
from burble.tls.context import TlsContext, TlsVersion
from burble.tls.errors import TlsError
from burble.tls.session import ChannelBindingType, TlsSession
from burble.tls.trust import Trust, Verdict
from burble.tls.watch import CertificateWatch

__all__ = [
    "CertificateFiles",
    "CertificateWatch",
    "ChannelBindingType",
    "TlsContext",
    "TlsError",
    "TlsSession",
    "TlsVersion",
    "Trust",
    "Verdict",
    "self_signed",
]
