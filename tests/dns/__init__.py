"""Tests of what the DNS tells, with a name server of their own."""
