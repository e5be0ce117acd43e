"""A script that behaves as each password, or name asked for, tells it to; others are right, or exist."""

import os
import struct
import sys
import time

NO, YES = b"\0\2\0\0", b"\0\2\0\1"


def write(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


if sys.argv[1:] == ["stillborn"]:
    sys.exit(3)
while header := sys.stdin.buffer.read(2):
    words = sys.stdin.buffer.read(*struct.unpack(">H", header)).decode().split(":")
    word = words[1] if words[0] == "isuser" else words[-1]
    if word == "never":
        time.sleep(3600)
    elif word == "die":
        sys.exit(1)
    elif word == "die-later":
        write(YES)
        sys.exit(1)
    elif word == "text":
        write(b"yes\n")
    elif word == "half":
        write(YES[:3])
        time.sleep(3600)
    elif word == "pieces":
        write(YES[:1])
        time.sleep(0.01)
        write(YES[1:])
    elif word == "two":
        write(YES + YES)
    elif word == "late":
        write(YES)
        write(b"and more")
    elif word == "flood":
        while True:
            write(YES * 10_000)
    elif word == "long":
        write(b"\xff\xff" + b"x" * 65535)
    elif word == "seven":
        write(b"\0\2\0\7")
    elif word == "close":
        sys.stdout.close()
        os.close(1)
        time.sleep(3600)
    else:
        write(NO if word == "wrong" else YES)
