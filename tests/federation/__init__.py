"""Burble among other servers: real ones, each a process of its own on loopback."""
