"""External components: the tables `[components."NAME"]` and `[component_of."NAME"]`."""

from typing import Annotated, Literal

from pydantic import Field

from burble.config.fields import ListenAddress, Table

__all__ = ["ComponentOf", "ComponentSettings"]

_Count = Annotated[int, Field(ge=1)]


class ComponentSettings(Table):
    """A program that may connect to an address of `listen.components` and own the domain NAME (XEP-0114).

    The domain must not be one of `hosts`, nor that of a service of theirs.
    """

    secret: Annotated[str, Field(min_length=1)] = Field(
        description="What the component and this server both know, and nobody else."
    )
    connections: _Count = Field(
        default=1,
        description="Connections the component may have at a time. With several, all that one account sends "
        "goes through the same, so that its order is kept.",
    )
    conflict: Literal["refuse", "replace"] = Field(
        default="refuse",
        description="What happens to one connection too many: it is refused, or it replaces the oldest.",
    )
    stanza_bytes: Annotated[int, Field(ge=10_000)] = Field(
        default=1_048_576, description="Largest stanza the component may send, bytes."
    )
    output_buffer_bytes: _Count = Field(
        default=33_554_432,
        description="Bytes waiting for a component that has stopped reading, before its stream is closed. "
        "The largest number of all components holds for each.",
    )


class ComponentOf(Table):
    """Another server whose component a domain served here is: others reach the domain through that server.

    NAME is one of `hosts`, or the domain of a service of theirs, such as that of the rooms.
    """

    server: ListenAddress = Field(description="The other server's address for components, `host:port`.")
    secret: Annotated[str, Field(min_length=1)] = Field(
        description="What the other server's settings say for the component."
    )
    retry_after: Annotated[float, Field(gt=0)] = Field(
        default=2.0,
        description="How long to wait before connecting again, seconds; longer each time, up to a minute.",
    )
    stanza_bytes: Annotated[int, Field(ge=10_000)] = Field(
        default=1_048_576, description="Largest stanza the other server may send, bytes."
    )
