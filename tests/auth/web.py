"""An HTTP service that keeps accounts, and goes wrong as passwords tell it to."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

Fields = dict[str, str]


class AccountService:
    """A service on a free port of loopback, in threads of its own.

    Attributes:
        passwords: the accounts, by address.
        requests: what was asked: verb, operation, content type and fields.
        headers: those of the last request.
        connections: how many were made.
    """

    def __init__(self, host: str, **passwords: str) -> None:
        self.passwords = {f"{user}@{host}": password for user, password in passwords.items()}
        self.requests: list[tuple[str, str, str, Fields]] = []
        self.headers: dict[str, str] = {}
        self.connections = 0
        self.over = threading.Event()
        handler = type("Handler", (_Handler,), {"service": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/auth/"

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, operation: str, fields: Fields) -> tuple[int, bytes]:
        """What a service in order answers."""
        address, password = f"{fields['user']}@{fields['server']}", fields.get("pass", "")
        there = address in self.passwords
        match operation:
            case "user_exists":
                return 200, json.dumps(there).encode()
            case "check_password":
                return 200, json.dumps(there and self.passwords[address] == password).encode()
            case "register" if there:
                return 409, b"conflict"
            case "register":
                self.passwords[address] = password
                return 201, b""
            case "set_password" if there:
                self.passwords[address] = password
                return 204, b""
            case "remove_user" if there:
                del self.passwords[address]
                return 200, b"true"
            case "remove_user_validate" if there:
                if self.passwords[address] != password:
                    return 403, b"no"
                del self.passwords[address]
                return 204, b""
        return 404, b"not found"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    service: ClassVar[AccountService]

    def setup(self) -> None:
        super().setup()
        self.service.connections += 1

    def do_GET(self) -> None:
        self._handle(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        json_ = self.headers["Content-Type"] == "application/json"
        self._handle(json.loads(body) if json_ else dict(parse_qsl(body.decode())))

    def _handle(self, fields: Fields) -> None:
        operation = urlsplit(self.path).path.removeprefix("/auth/")
        self.service.headers = dict(self.headers.items())
        kind = self.headers.get("Content-Type", "")
        self.service.requests.append((self.command, operation, kind, fields))
        wrong = WRONG.get(fields.get("pass", ""))
        if wrong is not None:
            self.close_connection = True
            wrong(self)
        else:
            self.say(*self.service.answer(operation, fields))

    def say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def hang(self) -> None:
        self.service.over.wait(30)

    def drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.service.over.wait(0.05):
            self.wfile.write(b"X-Patience: yes\r\n")

    def half(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntr")

    def flood(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while not self.service.over.is_set():
            self.wfile.write(b" " * 65536)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the standard error is the test's."""

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the client has hung up
            pass


WRONG: dict[str, Callable[[_Handler], object]] = {
    "500": lambda it: it.say(500, b"true"),
    "html": lambda it: it.say(200, b"<html>Welcome!</html>"),
    "empty": lambda it: it.say(200, b""),
    "one": lambda it: it.say(200, b"1"),
    "text": lambda it: it.say(200, b'"true"'),
    "not-utf-8": lambda it: it.say(200, b"\xff\xfe"),
    "deep": lambda it: it.say(200, b"[" * 1000),
    "redirect": lambda it: it.say(302, b"true", Location="/auth/user_exists"),
    "gzip": lambda it: it.say(200, gzip.compress(b"true"), Content_Encoding="gzip"),
    "garbage": lambda it: it.wfile.write(b"\0\2\0\1" * 100),
    "nothing": lambda it: None,
    "half": _Handler.half,
    "hang": _Handler.hang,
    "drip": _Handler.drip,
    "flood": _Handler.flood,
}
