"""The module `presence_hooks`: tell a program or a web service who connects, disconnects, changes status.

It speaks as `mod_sspresence` of Social Stream does, so that its scripts and its web application can be told.
"""

from burble.modules.presence_hooks.module import PresenceHooks

__all__ = ["PresenceHooks"]
