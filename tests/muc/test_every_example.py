"""Every example of XEP-0045 §6 to §10 (version 1.35) must be spoken by a test of this directory."""

from __future__ import annotations

import ast
import re
from pathlib import Path

#: The examples by section: number and title.
EXAMPLES = {
    "6.1": {
        1: "Entity Queries Server for Associated Services",
        2: "Server Returns Disco Items Result",
    },
    "6.2": {
        3: "Entity Queries Chat Service for MUC Support via Disco",
        4: "Service Returns Disco Info Result",
    },
    "6.3": {
        5: "Entity Queries Chat Service for Rooms",
        6: "Service Returns Disco Items Result",
        7: "Service Returns Limited List of Disco Items Result",
    },
    "6.4": {
        8: "Entity Queries for Information about a Specific Chat Room",
        9: "Room Returns Disco Info Result",
        10: "Room Returns Extended Disco Info Result",
    },
    "6.5": {
        11: "Entity Queries for Items Associated with a Specific Chat Room",
        12: "Room Returns Disco Items Result (Items are Public)",
        13: "Room Returns Empty Disco Items Result (Items are Private)",
    },
    "6.7": {
        14: "Entity Queries Contact Regarding MUC Support",
        15: "Contact Returns Disco Info Result",
        16: "Entity Queries Contact for Current Rooms",
        17: "Contact Returns Room Query Result",
    },
    "7.2.1": {
        18: "User Seeks to Enter a Room (Multi-User Chat)",
        19: "No Nickname Specified",
    },
    "7.2.2": {
        20: "Service Sends Presence from Existing Occupants to New Occupant",
        21: "Service Sends New Occupant's Presence to All Occupants",
        22: "Service Sends New Occupant's Presence to New Occupant",
    },
    "7.2.3": {
        23: "Service Sends Full JID to All Occupants",
        24: "Service Sends New Occupant's Presence to New Occupant",
    },
    "7.2.5": {
        25: "Service Denies Access Because No Password Provided",
        26: "User Provides Password On Entering a Room",
    },
    "7.2.6": {
        27: "Service Denies Access Because User Is Not on Member List",
    },
    "7.2.7": {
        28: "Service Denies Access Because User is Banned",
    },
    "7.2.8": {
        29: "Service Denies Access Because of Nick Conflict",
    },
    "7.2.9": {
        30: "Service Informs User that Room Occupant Limit Has Been Reached",
    },
    "7.2.10": {
        31: "Service Denies Access Because Room Does Not (Yet) Exist",
    },
    "7.2.12": {
        32: "Service Sends New Occupant's Presence to New Occupant",
    },
    "7.2.13": {
        33: "Delivery of Discussion History",
        34: "Discussion History Message with Original From",
    },
    "7.2.14": {
        35: "User Requests Limit on Number of Characters in History",
        36: "User Requests Limit on Number of Messages in History",
        37: "User Requests History in Last 3 Minutes",
        38: "User Requests All History Since the Beginning of the Unix Era",
        39: "User Requests No History",
    },
    "7.2.15": {
        40: "Service Informs New Occupant of Room Subject",
        41: "No Subject",
    },
    "7.2.18": {
        42: "User Seeks to Enter a Room (groupchat 1.0)",
        43: "Service Response to groupchat 1.0 join / non-occupant presence update",
    },
    "7.4": {
        44: "Occupant Sends a Message to All Occupants",
        45: "Service Reflects Message to All Occupants",
    },
    "7.5": {
        46: "Occupant Sends Private Message",
        47: "Recipient Receives the Private Message",
        48: "Occupant Attempts to Send a Message of Type 'Groupchat' to a Particular Occupant",
    },
    "7.6": {
        49: "Occupant Changes Nickname",
        50: "Service Updates Nick",
        51: "Occupant Changes Nickname, Modified by Service",
        52: "Service Denies Nickname Change Because of Nick Conflict",
        53: "Service Denies Nickname Change Because Roomnicks Are Locked Down",
    },
    "7.7": {
        54: "Occupant Changes Availability Status",
        55: "Service Passes Along Changed Presence to All Occupants",
    },
    "7.8.2": {
        56: "Occupant Sends a Mediated Invitation",
        57: "Room Sends Invitation to Invitee on Behalf of Invitor",
        58: "Invitee Declines Invitation",
        59: "Room Informs Invitor that Invitation Was Declined",
    },
    "7.9": {
        60: "A One-to-One Chat",
        61: "Continuing the Discussion I: User Creates Room",
        62: "Continuing the Discussion II: Owner Sends History to Room",
        63: "Continuing the Discussion III: Owner Sends Invitations, Including Continue Flag",
        64: "Invitations Delivered",
        65: "Invitee Accepts Invitation, Joins Room, and Receives Presence and History",
    },
    "7.10": {
        66: "User Requests Registration Requirements",
        67: "Room Does Not Exist",
        68: "User Is Not Allowed to Register",
        69: "User Is Already Registered",
        70: "Service Returns Registration Form",
        71: "User Submits Registration Form",
        72: "Room Returns Conflict Error to User",
        73: "Room Returns Service Unavailable Error to User",
        74: "Room Returns Service Bad Request Error to User",
        75: "Room Informs User that Registration Request Has Been Processed",
        76: "Service Sends Notice of Membership to All Occupants",
    },
    "7.12": {
        77: "User Requests Reserved Nickname",
        78: "Room Returns Nickname",
    },
    "7.13": {
        79: "Occupant Requests Voice",
    },
    "7.14": {
        80: "Occupant Exits a Room",
        81: "Service Sends Self-Presence Related to Departure of Occupant",
        82: "Service Sends Presence Related to Departure of Occupant",
        83: "Custom Exit Message",
    },
    "8.1": {
        84: "Moderator Changes Subject",
        85: "Service Informs All Occupants of Subject Change",
        86: "Client Displays Room Subject Change Message",
        87: "Service Returns Error Related to Unauthorized Subject Change",
        88: "Moderator Sets Empty Subject",
    },
    "8.2": {
        89: "Moderator Kicks Occupant",
        90: "Service Removes Kicked Occupant",
        91: "Service Informs Moderator of Success",
        92: "Service Informs Remaining Occupants",
        93: "Service Returns Error on Attempt to Kick User With Higher Affiliation",
    },
    "8.3": {
        94: "Moderator Grants Voice to a Visitor",
        95: "Moderator Grants Voice to a Visitor (With a Reason)",
        96: "Service Informs Moderator of Success",
        97: "Service Sends Notice of Voice to All Occupants",
    },
    "8.4": {
        98: "Moderator Revokes Voice from a Participant",
        99: "Moderator Revokes Voice from a Visitor (With a Reason)",
        100: "Service Informs Moderator of Success",
        101: "Service Notes Loss of Voice",
        102: "Service Returns Error on Attempt to Revoke Voice from an Admin, Owner, or User with a Higher "
        "Affiliation",
    },
    "8.5": {
        103: "Moderator Requests Voice List",
        104: "Service Sends Voice List to Moderator",
        105: "Moderator Sends Modified Voice List to Service",
        106: "Service Informs Moderator of Success",
        107: "Service Returns Error on Attempt to Revoke Voice from an Admin, Owner, or User with a Higher "
        "Affiliation",
    },
    "8.6": {
        108: "Voice Request Approval Form",
        109: "Voice Request Approval Submission",
    },
    "9.1": {
        110: "Admin Bans User",
        111: "Admin Bans User (With a Reason)",
        112: "Service Informs Admin or Owner of Success",
        113: "Service Removes Banned User",
        114: "Service Informs Remaining Occupants",
        115: "Service Returns Error on Attempt to Ban User With Higher Affiliation",
    },
    "9.2": {
        116: "Admin Requests Ban List",
        117: "Service Sends Ban List to Admin",
        118: "Admin Sends Modified Ban List to Service",
        119: "Service Informs Admin of Success",
    },
    "9.3": {
        120: "Admin Grants Membership",
        121: "Admin Grants Membership (With a Reason)",
        122: "Service Informs Admin of Success",
        123: "Service Sends Notice of Membership to All Occupants",
    },
    "9.4": {
        124: "Admin Revokes Membership",
        125: "Admin Revokes Membership (With a Reason)",
        126: "Service Informs Moderator of Success",
        127: "Service Notes Loss of Membership",
        128: "Service Removes Non-Member",
    },
    "9.5": {
        129: "Admin Requests Member List",
        130: "Service Sends Member List to Admin",
        131: "Admin Sends Modified Member List to Service",
        132: "Service Informs Moderator of Success",
        133: "Service Sends Notice of Loss of Membership to All Occupants",
        134: "Room Sends Invitation to New Member",
        135: "Service Returns Error on Attempt by Mere Member to Invite Others to a Members-Only Room",
        136: "Service Sends Notice of Membership to All Occupants",
    },
    "9.6": {
        137: "Admin Grants Moderator Status",
        138: "Admin Grants Moderator Status (With a Reason)",
        139: "Service Informs Admin of Success",
        140: "Service Sends Notice of Moderator Status to All Occupants",
    },
    "9.7": {
        141: "Admin Revokes Moderator Status",
        142: "Admin Revokes Moderator Status (With a Reason)",
        143: "Service Informs Admin of Success",
        144: "Service Notes Loss of Moderator Status",
        145: "Service Returns Error on Attempt to Revoke Moderator Status from an Admin or Owner",
    },
    "9.8": {
        146: "Admin Requests Moderator List",
        147: "Service Sends Moderator List to Admin",
        148: "Admin Sends Modified Moderator List to Service",
        149: "Service Informs Admin of Success",
        150: "Service Returns Error on Attempt to Revoke Moderator Status from an Admin or Owner",
    },
    "9.9": {
        151: "Registration Request Approval Form",
    },
    "10.1.1": {
        152: "Service Informs User of Inability to Create a Room",
        153: "User Creates a Room and Signals Support for Multi-User Chat",
        154: "Service Acknowledges Room Creation",
    },
    "10.1.2": {
        155: "Owner Requests Instant Room",
    },
    "10.1.3": {
        156: "Owner Requests Configuration Form",
        157: "Service Sends Configuration Form",
        158: "Service Informs Owner that No Configuration is Possible",
        159: "Owner Submits Configuration Form",
        160: "Service Informs New Room Owner of Success",
        161: "Service Informs Owner that Requested Configuration Options Are Unacceptable",
        162: "Owner Cancels Initial Configuration",
    },
    "10.2": {
        163: "Owner Requests Configuration Form",
        164: "Service Denies Configuration Access to Non-Owner",
        165: "Service Sends Configuration Form to Owner",
        166: "Owner Cancels Subsequent Configuration",
        167: "Service Notes Loss of Admin Affiliation",
        168: "Service Notes Gain of Admin Affiliation to All Users",
        169: "Service Notes Loss of Owner Affiliation",
        170: "Service Notes Gain of Owner Affiliation to All Users",
    },
    "10.2.1": {
        171: "Configuration Status Code",
    },
    "10.3": {
        172: "Owner Grants Owner Status",
        173: "Owner Grants Owner Status (With a Reason)",
        174: "Service Informs Owner of Success",
        175: "Service Sends Notice of Owner Status to All Occupants",
        176: "Service Sends Notice of Owner Status to All Occupants",
    },
    "10.4": {
        177: "Owner Revokes Owner Status",
        178: "Owner Revokes Owner Status (With a Reason)",
        179: "Service Informs Owner of Success",
        180: "Service Notes Loss of Owner Affiliation",
    },
    "10.5": {
        181: "Owner Requests Owner List",
        182: "Service Sends Owner List to Owner",
        183: "Owner Sends Modified Owner List to Service",
        184: "Service Returns Error on Attempt by Non-Owner to Modify Owner List",
        185: "Service Informs Owner of Success",
    },
    "10.6": {
        186: "Owner Grants Admin Privileges",
        187: "Owner Grants Admin Privileges (With a Reason)",
        188: "Service Informs Owner of Success",
        189: "Service Sends Notice of Admin Status to All Occupants",
        190: "Service Sends Notice of Admin Status to All Occupants",
    },
    "10.7": {
        191: "Owner Revokes Admin Status",
        192: "Owner Revokes Admin Status (With a Reason)",
        193: "Service Informs Owner of Success",
        194: "Service Notes Loss of Admin Affiliation",
        195: "Service Notes Loss of Admin Affiliation",
    },
    "10.8": {
        196: "Owner Requests Admin List",
        197: "Service Sends Admin List to Owner",
        198: "Owner Sends Modified Admin List to Service",
        199: "Service Returns Error on Attempt by Non-Owner to Modify Admin List",
        200: "Service Informs Owner of Success",
    },
    "10.9": {
        201: "Owner Submits Room Destruction Request",
        202: "Service Removes Each Occupant",
        203: "Service Informs Owner of Successful Destruction",
        204: "Service Denies Destroy Request Submitted by Non-Owner",
    },
}

#: The examples that no test can speak, and why.
UNSPOKEN = {
    86: "what a client displays; no stanza",
    158: "a room without options; there always are some here, as Example 157 shows",
}

_MENTION = re.compile(r"\bExamples? (\d+(?:(?:, | and | to )\d+)*)")
_SECTION = re.compile(r"§(\d+(?:\.\d+)*)")


def spoken() -> dict[int, list[str]]:
    """The sections that the docstring of a test names with each example."""
    found: dict[int, list[str]] = {}
    for path in Path(__file__).parent.glob("test_section_*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_"):
                text = " ".join((ast.get_docstring(node) or "").split())
                sections = _SECTION.findall(text)
                for example in numbers(text):
                    found.setdefault(example, []).extend(sections)
    return found


def numbers(text: str) -> list[int]:
    """The numbers in ``Examples 1, 3 to 5 and 7``."""
    found = []
    for mention in _MENTION.findall(text):
        for part in re.split(", | and ", mention):
            first, _, last = part.partition(" to ")
            found += range(int(first), int(last or first) + 1)
    return found


def test_numbers_are_understood() -> None:
    """Otherwise an example could be missed, or taken for spoken."""
    assert numbers("§6.1: Examples 1, 3 to 5 and 7; see Example 9.") == [1, 3, 4, 5, 7, 9]


def test_the_list_is_whole() -> None:
    """The specification numbers its examples throughout."""
    listed = [number for examples in EXAMPLES.values() for number in examples]
    assert listed == list(range(1, 205))


def test_every_example_is_spoken() -> None:
    """By a test whose docstring names its number and its section."""
    tested = spoken()
    wanted = {number: section for section, examples in EXAMPLES.items() for number in examples}
    missing = {
        f"{number} of §{section}: {EXAMPLES[section][number]}"
        for number, section in wanted.items()
        if number not in UNSPOKEN and section not in tested.get(number, [])
    }
    assert missing == set()
    assert tested.keys() <= wanted.keys() - UNSPOKEN.keys()
