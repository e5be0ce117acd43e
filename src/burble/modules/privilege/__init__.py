"""XEP-0356: let components see and do what otherwise only the server or its accounts may."""

from burble.modules.privilege.module import Privilege

__all__ = ["Privilege"]
