"""Streams between servers (RFC 6120): both sides as state machines without sockets."""
