"""Accounts that move between servers: files of other servers read, and files that other servers read."""
