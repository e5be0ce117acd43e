"""Servers that speak with each other, in one process."""
