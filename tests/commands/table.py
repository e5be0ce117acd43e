"""What commands are called with, and what REST answers then, on the server of `tests.commands.stage`.

One line for each command in each of its versions; what a command does is tested where it matters elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from unittest.mock import ANY

__all__ = ["CALLS", "Call"]

SERVICE = "conference.localhost"
LOBBY = {"room": "lobby", "service": SERVICE}
JULIET = {"user": "juliet", "host": "localhost"}
NURSE = {"user": "nurse", "host": "localhost"}
BALCONY = {**JULIET, "resource": "balcony"}
ROMEO_TO_JULIET = {"from": "romeo@localhost", "to": "juliet@localhost"}
SESSION = {
    "connection": "c2s",
    "ip": "127.0.0.1",
    "port": ANY,
    "priority": 7,
    "node": "burble@localhost",
    "uptime": ANY,
    "status": "away",
    "resource": "balcony",
    "statustext": "In the garden",
}
STATUS = {
    "user": "juliet",
    "host": "localhost",
    "resource": "balcony",
    "priority": 7,
    "status": "In the garden",
}
STATUS_3 = {"jid": "juliet@localhost/balcony", "priority": 7, "status": "In the garden"}
OWNER = {"affiliation": "owner", "reason": ""}


@dataclass(frozen=True, slots=True)
class Call:
    """A call and its answer.

    Attributes:
        name: the command.
        arguments: by name.
        result: what REST answers; ``ANY`` where that is not the same each time.
        version: of the API.
        once: the command can be called once only: each interface gets a server of its own.
        varies: two calls tell different things, such as times.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    result: Any = 0
    version: int = 0
    once: bool = False
    varies: bool = False

    def __str__(self) -> str:
        return f"{self.name}-v{self.version}"


CALLS = [
    # ---- accounts
    Call("registered_users", {"host": "localhost"}, ["admin", "juliet", "nurse", "romeo"]),
    Call("registered_vhosts", {}, ["localhost"]),
    Call("check_account", JULIET),
    # ---- hosts
    Call(
        "list_hosts",
        {},
        [{"host": "localhost", "origin": "settings", "sessions": ANY, "certificate": ANY}],
        varies=True,
    ),
    Call("doctor", {"only": "localhost"}, ANY, varies=True),
    Call("get_host_settings", {"host": "localhost"}, {}),
    Call("add_host", {"host": "garden.example"}, [], once=True),
    Call("check_account", {"user": "nobody", "host": "localhost"}, 1),
    Call("check_password", {**JULIET, "password": "secret"}),
    Call("check_password", {**JULIET, "password": "wrong"}, 1),
    Call("change_password", {**JULIET, "newpass": "other"}),
    Call("convert_to_scram", {"host": "localhost"}),
    Call("register", {"user": "tybalt", "host": "localhost", "password": "x"}, ANY, once=True),
    Call("unregister", JULIET, "", once=True),
    Call("delete_old_users", {"days": 365}, "Deleted 1 users: nurse@localhost", once=True),
    Call(
        "delete_old_users_vhost",
        {"host": "localhost", "days": 365},
        "Deleted 1 users: nurse@localhost",
        once=True,
    ),
    # ---- sessions
    Call("connected_users", {}, ["juliet@localhost/balcony"]),
    Call("connected_users_number", {}, {"num_sessions": 1}),
    Call("connected_users_vhost", {"host": "localhost"}, ["juliet@localhost/balcony"]),
    Call("connected_users_info", {}, [{"jid": "juliet@localhost/balcony", **SESSION}], varies=True),
    Call("user_sessions_info", JULIET, [SESSION], varies=True),
    Call("user_resources", JULIET, ["balcony"]),
    Call("get_resources", JULIET, ["balcony"]),
    Call("num_resources", JULIET, {"resources": 1}),
    Call("resource_num", {**JULIET, "num": 1}, {"resource": "balcony"}),
    Call("status_list", {"status": "away"}, [STATUS]),
    Call("status_list", {"status": "all"}, [STATUS_3], version=3),
    Call("status_list", {"status": "dnd"}, [], version=3),
    Call("status_list_host", {"host": "localhost", "status": "away"}, [STATUS]),
    Call("status_list_host", {"host": "localhost", "status": "away"}, [STATUS_3], version=3),
    Call("status_num", {"status": "away"}, {"users": 1}),
    Call("status_num_host", {"host": "localhost", "status": "available"}, {"users": 0}),
    Call(
        "get_presence",
        JULIET,
        {"jid": "juliet@localhost/balcony", "show": "away", "status": "In the garden"},
    ),
    Call(
        "set_presence",
        {**BALCONY, "type": "available", "show": "dnd", "status": "Busy", "priority": "5"},
    ),
    Call(
        "set_presence",
        {**BALCONY, "type": "available", "show": "away", "status": "In the garden", "priority": 7},
        version=1,
    ),
    Call("kick_session", {**BALCONY, "reason": "Stuck"}, once=True),
    Call("kick_user", JULIET, {"num_resources": 1}, once=True),
    Call("kick_user", JULIET, "Kicked sessions: 1", version=2, once=True),
    Call("kick_users", {"host": "localhost"}, {"num_sessions": 1}, once=True),
    # ---- messages
    Call("send_message", {"type": "chat", **ROMEO_TO_JULIET, "subject": "", "body": "Hi"}),
    Call("send_message_chat", {**ROMEO_TO_JULIET, "body": "Hi"}),
    Call("send_message_headline", {**ROMEO_TO_JULIET, "subject": "Noon", "body": "Hi"}),
    Call("send_stanza", {**ROMEO_TO_JULIET, "stanza": "<message><body>Hi</body></message>"}),
    Call("send_stanza_c2s", {**BALCONY, "stanza": "<message to='romeo@localhost'><body>Hi</body></message>"}),
    # ---- rosters
    Call(
        "get_roster",
        JULIET,
        [
            {
                "jid": "romeo@localhost",
                "nick": "Romeo",
                "subscription": "both",
                "pending": "none",
                "groups": ["Friends"],
            }
        ],
    ),
    Call("get_roster_count", JULIET, {"value": 1}),
    Call(
        "process_rosteritems",
        {"action": "list", "subs": "any", "asks": "any", "users": "any", "contacts": "romeo@*"},
        [{"user": "juliet@localhost", "contact": "romeo@localhost"}],
    ),
    Call(
        "add_rosteritem",
        {
            "localuser": "juliet",
            "localhost": "localhost",
            "user": "nurse",
            "host": "localhost",
            "nick": "Nurse",
            "group": "A;B",
            "subs": "both",
        },
    ),
    Call(
        "add_rosteritem",
        {
            "localuser": "juliet",
            "localserver": "localhost",
            "user": "nurse",
            "host": "localhost",
            "nick": "Nurse",
            "groups": ["A", "B"],
            "subs": "both",
        },
        version=1,
    ),
    Call(
        "delete_rosteritem",
        {"localuser": "juliet", "localhost": "localhost", "user": "romeo", "host": "localhost"},
        once=True,
    ),
    Call("push_alltoall", {"host": "localhost", "group": "All"}),
    # ---- vCards
    Call("get_vcard", {**JULIET, "name": "NICKNAME"}, {"content": "Jules"}),
    Call("get_vcard2", {**JULIET, "name": "N", "subname": "FAMILY"}, {"content": "Capulet"}),
    Call("get_vcard2_multi", {**JULIET, "name": "ORG", "subname": "ORGUNIT"}, ["House", "Balcony"]),
    Call("set_vcard", {**JULIET, "name": "TITLE", "content": "Miss"}),
    Call("set_vcard2", {**JULIET, "name": "TEL", "subname": "WORK", "content": "1"}),
    Call("set_vcard2_multi", {**JULIET, "name": "ORG", "subname": "ORGUNIT", "contents": ["Tomb"]}),
    Call("set_nickname", {**JULIET, "nickname": "Jule"}),
    # ---- what is stored
    Call(
        "private_get",
        {**JULIET, "element": "storage", "ns": "storage:bookmarks"},
        {"res": "<storage xmlns='storage:bookmarks'>kept</storage>"},
    ),
    Call("private_set", {**JULIET, "element": "<storage xmlns='storage:bookmarks'/>"}),
    Call("get_last", NURSE, {"timestamp": "2017-07-14T15:15:11Z", "status": "Gone to bed"}),
    Call("get_last", JULIET, {"timestamp": ANY, "status": "ONLINE"}, varies=True),
    Call("set_last", {**NURSE, "timestamp": 1500045311, "status": "Gone to bed"}),
    Call("get_offline_count", NURSE, {"value": 1}),
    Call(
        "get_offline_messages",
        NURSE,
        [{"time": ANY, "from": "romeo@localhost", "to": "nurse@localhost", "packet": ANY}],
    ),
    # ---- numbers
    Call("stats", {"name": "registeredusers"}, {"stat": 4}),
    Call("stats", {"name": "onlineusers"}, {"stat": 1}),
    Call("stats", {"name": "onlineusersnode"}, {"stat": 1}),
    Call("stats", {"name": "uptimeseconds"}, {"stat": ANY}, varies=True),
    Call("stats", {"name": "processes"}, {"stat": ANY}, varies=True),
    Call("stats_host", {"name": "onlineusers", "host": "localhost"}, {"stat": 1}),
    Call("stats_host", {"name": "registeredusers", "host": "localhost"}, {"stat": 4}),
    Call("incoming_s2s_number", {}, {"s2s_incoming": 0}),
    Call("outgoing_s2s_number", {}, {"s2s_outgoing": 0}),
    Call("stop_s2s_connections"),
    Call("list_s2s", {}, []),
    Call("list_s2s_waiting", {}, []),
    Call("list_s2s_unreached", {}, []),
    Call("reset_s2s", {"domain": "example.org"}, 0),
    Call("list_components", {}, []),
    # ---- rooms
    Call("muc_online_rooms", {"service": SERVICE}, [f"lobby@{SERVICE}"]),
    Call(
        "muc_online_rooms_by_regex",
        {"service": "global", "regex": "^l"},
        [{"jid": f"lobby@{SERVICE}", "public": "true", "participants": 1}],
    ),
    Call("muc_online_rooms_count", {"service": SERVICE}, {"count": 1}),
    Call("rooms_unused_list", {"service": SERVICE, "days": 31}, []),
    Call("rooms_unused_destroy", {"service": SERVICE, "days": 31}, []),
    Call("rooms_empty_list", {"service": SERVICE}, []),
    Call("rooms_empty_destroy", {"service": SERVICE}, []),
    Call("rooms_empty_destroy", {"service": SERVICE}, "Destroyed rooms: 0", version=2),
    Call("get_room_options", LOBBY, ANY),
    Call(
        "get_room_occupants", LOBBY, [{"jid": "juliet@localhost/balcony", "nick": "J", "role": "moderator"}]
    ),
    Call("get_room_occupants_number", LOBBY, {"occupants": 1}),
    Call("get_room_history", LOBBY, []),
    Call("get_user_rooms", JULIET, [f"lobby@{SERVICE}"]),
    Call("get_room_affiliation", {**LOBBY, "jid": "juliet@localhost"}, {"affiliation": "owner"}),
    Call(
        "get_room_affiliations",
        {"name": "lobby", "service": SERVICE},
        [{"username": "juliet", "domain": "localhost", **OWNER}],
    ),
    Call("get_room_affiliations", LOBBY, [{"jid": "juliet@localhost", **OWNER}], version=3),
    Call(
        "set_room_affiliation",
        {"name": "lobby", "service": SERVICE, "jid": "romeo@localhost", "affiliation": "member"},
    ),
    Call(
        "set_room_affiliation",
        {**LOBBY, "user": "romeo", "host": "localhost", "affiliation": "none"},
        version=3,
    ),
    Call("change_room_option", {**LOBBY, "option": "title", "value": "Hall"}),
    Call("create_room", {"room": "garden", "service": SERVICE, "host": "localhost"}, once=True),
    Call(
        "create_room_with_opts",
        {
            "room": "garden",
            "service": SERVICE,
            "host": "localhost",
            "options": [{"name": "title", "value": "G"}],
        },
        once=True,
    ),
    Call("destroy_room", LOBBY, once=True),
    Call("create_rooms_file", {"file": "rooms.txt"}),
    Call("destroy_rooms_file", {"file": "rooms.txt"}),
    Call(
        "send_direct_invitation",
        {**LOBBY, "password": "none", "reason": "Come", "users": "juliet@localhost:romeo@localhost"},
    ),
    Call(
        "send_direct_invitation",
        {**LOBBY, "password": "", "reason": "", "users": ["juliet@localhost"]},
        version=1,
    ),
    # ---- rosters from files
    Call("push_roster", {"file": "roster.txt", **JULIET}),
    Call("push_roster_all", {"file": "roster.txt"}),
    # ---- the server
    Call("status", {}, ANY, varies=True),
    Call("dump_config", {"out": "dumped.toml"}),
    Call("list_certificates", {}, [{"domain": "localhost", "file": ANY, "used": "true"}]),
    Call("clear_cache"),
    Call("gc"),
    Call("echo", {"sentence": "Test <&> Sentence"}, {"sentence": "Test <&> Sentence"}),
    Call("echo3", {"first": "a", "second": "b", "sentence": "c"}, {"sentence": "c"}),
    Call("print_sql_schema", {"db_type": "sqlite"}, ANY),
    Call("modules_available", {}, ANY),
    Call("modules_installed", {}, []),
    Call("module_check", {"module": "ping"}),
    Call("update_list", {}, ANY, varies=True),
    Call("update", {"module": "time"}, "Nothing has changed"),
    Call("restart_module", {"host": "localhost", "module": "ping"}, {"res": 2}),
    # ---- bans, announcements, lists, activity
    Call("ban_account", {**JULIET, "reason": "Spam"}, once=True),
    Call("get_ban_details", JULIET, [], version=2),
    Call("count_banned", {"host": "localhost"}, {"banned": 0}),
    Call("list_banned", {"host": "localhost"}, []),
    Call("announce_send_all", {"host": "localhost", "subject": "News", "body": "Rooms"}),
    Call("announce_send_online", {"host": "localhost", "subject": "News", "body": "Rooms"}),
    Call("announce_motd_get", {"host": "localhost"}, {"subject": "", "body": ""}),
    Call("announce_motd_set_online", {"host": "localhost", "subject": "News", "body": "Rooms"}),
    Call("announce_motd_update", {"host": "localhost", "subject": "News", "body": "Hats"}),
    Call("announce_motd_delete", {"host": "localhost"}),
    Call("announce_welcome_get", {"host": "localhost"}, {"subject": "", "body": ""}),
    Call("announce_welcome_set", {"host": "localhost", "subject": "", "body": "Welcome"}),
    Call("announce_welcome_delete", {"host": "localhost"}),
    Call("get_access_list", {"host": "localhost", "name": "blacklist"}, []),
    Call("set_access_list", {"host": "localhost", "name": "blacklist", "jids": ["spam.example"]}),
    Call("users_by_activity", {"host": "localhost", "activity": "idle"}, ["juliet@localhost"]),
    Call("user_stats", JULIET, ANY, varies=True),
    # ---- archives
    Call("delete_old_mam_messages", {"type": "all", "days": 365}),
    Call(
        "delete_old_mam_messages_batch",
        {"host": "localhost", "type": "all", "days": 365, "batch_size": 1000, "rate": 10000},
        "",
        once=True,
    ),
    Call("delete_old_mam_messages_status", {"host": "localhost"}, {"status": "Operation not started"}),
    Call("abort_delete_old_mam_messages", {"host": "localhost"}, {"status": "No task running"}),
    Call("remove_mam_for_user", JULIET, "MAM archive removed"),
    Call("remove_mam_for_user_with_peer", {**JULIET, "with": "romeo@localhost"}, "MAM archive removed"),
    Call("get_mam_count", NURSE, {"value": 1}),
    Call(
        "get_mam_messages",
        NURSE,
        [{"time": ANY, "from": "romeo@localhost", "to": "nurse@localhost", "packet": ANY}],
    ),
    Call("mnesia_table_details", {"table": "roster"}, ANY, varies=True),
    # ---- tokens
    Call("oauth_list_tokens", {}, []),
    Call(
        "oauth_issue_token",
        {"jid": "juliet@localhost", "ttl": 60, "scopes": "status;[tag:roster]"},
        {"token": ANY, "scopes": "status;[tag:roster]", "expires_in": "60 seconds"},
        varies=True,
    ),
    Call(
        "oauth_issue_token",
        {"jid": "juliet@localhost", "ttl": 60, "scopes": ["status"]},
        {"token": ANY, "scopes": ["status"], "expires_in": "60 seconds"},
        version=1,
        varies=True,
    ),
]
