"""The XML namespaces Burble speaks, under the names the specifications give them."""

XML = "http://www.w3.org/XML/1998/namespace"

# RFC 6120 and RFC 6121
CLIENT = "jabber:client"
SERVER = "jabber:server"
STREAMS = "http://etherx.jabber.org/streams"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
SESSION = "urn:ietf:params:xml:ns:xmpp-session"
ROSTER = "jabber:iq:roster"
ROSTER_VERSIONING = "urn:xmpp:features:rosterver"
PRE_APPROVAL = "urn:xmpp:features:pre-approval"

# XEPs, by number
DATA_FORMS = "jabber:x:data"  # 0004
LAST_ACTIVITY = "jabber:iq:last"  # 0012
DISCO_INFO = "http://jabber.org/protocol/disco#info"  # 0030
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"  # 0030
PRIVATE = "jabber:iq:private"  # 0049
VCARD = "vcard-temp"  # 0054
RSM = "http://jabber.org/protocol/rsm"  # 0059
REGISTER = "jabber:iq:register"  # 0077
REGISTER_FEATURE = "http://jabber.org/features/iq-register"  # 0077
CHAT_STATES = "http://jabber.org/protocol/chatstates"  # 0085
VERSION = "jabber:iq:version"  # 0092
CAPS = "http://jabber.org/protocol/caps"  # 0115
VALIDATE = "http://jabber.org/protocol/xdata-validate"  # 0122
SERVER_INFO = "http://jabber.org/network/serverinfo"  # 0157
MSG_OFFLINE = "msgoffline"  # 0160
BLOCKING = "urn:xmpp:blocking"  # 0191
BLOCKING_ERRORS = "urn:xmpp:blocking:errors"  # 0191
PING = "urn:xmpp:ping"  # 0199
TIME = "urn:xmpp:time"  # 0202
DELAY = "urn:xmpp:delay"  # 0203
HINTS = "urn:xmpp:hints"  # 0334
CHANNEL_BINDING = "urn:xmpp:sasl-cb:0"  # 0440
STREAM_LIMITS = "urn:xmpp:stream-limits:0"  # 0478
