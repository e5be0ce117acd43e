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
MUC = "http://jabber.org/protocol/muc"  # 0045
MUC_USER = "http://jabber.org/protocol/muc#user"  # 0045
MUC_ADMIN = "http://jabber.org/protocol/muc#admin"  # 0045
MUC_OWNER = "http://jabber.org/protocol/muc#owner"  # 0045
MUC_REGISTER = "http://jabber.org/protocol/muc#register"  # 0045
MUC_REQUEST = "http://jabber.org/protocol/muc#request"  # 0045
MUC_ROOM_CONFIG = "http://jabber.org/protocol/muc#roomconfig"  # 0045
MUC_ROOM_INFO = "http://jabber.org/protocol/muc#roominfo"  # 0045
PRIVATE = "jabber:iq:private"  # 0049
COMMANDS = "http://jabber.org/protocol/commands"  # 0050
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
CONFERENCE = "jabber:x:conference"  # 0249
MUC_UNIQUE = "http://jabber.org/protocol/muc#unique"  # 0307
HATS = "urn:xmpp:hats:0"  # 0317
HINTS = "urn:xmpp:hints"  # 0334
STANZA_ID = "urn:xmpp:sid:0"  # 0359
OCCUPANT_ID = "urn:xmpp:occupant-id:0"  # 0421
RETRACT = "urn:xmpp:message-retract:1"  # 0424
MODERATE = "urn:xmpp:message-moderate:1"  # 0425
FALLBACK = "urn:xmpp:fallback:0"  # 0428
CHANNEL_BINDING = "urn:xmpp:sasl-cb:0"  # 0440
STREAM_LIMITS = "urn:xmpp:stream-limits:0"  # 0478
