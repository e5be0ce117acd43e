"""A script that keeps its accounts in a file (argument 1) and each question in another (argument 2)."""

import json
import os
import struct
import sys
from pathlib import Path

accounts, log = map(Path, sys.argv[1:])


def answer(operation, user, server, password=None):
    known = json.loads(accounts.read_text())
    address = f"{user}@{server}"
    if operation == "isuser":
        return address in known
    if operation == "auth":
        return known.get(address) == password
    if operation in ("tryregister", "setpass"):
        if (address in known) == (operation == "tryregister"):
            return False
        known[address] = password
    elif operation in ("removeuser", "removeuser3"):
        if address not in known or password not in (None, known[address]):
            return False
        del known[address]
    else:
        return False
    accounts.write_text(json.dumps(known))
    return True


while header := sys.stdin.buffer.read(2):
    question = sys.stdin.buffer.read(*struct.unpack(">H", header)).decode()
    with log.open("a") as file:
        file.write(f"{os.getpid()} {question}\n")
    sys.stdout.buffer.write(struct.pack(">HH", 2, answer(*question.split(":", 3))))
    sys.stdout.buffer.flush()
