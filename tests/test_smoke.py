"""Two people chat."""

from tests.conftest import Connect


async def test_a_message_reaches_a_full_jid(connect: Connect) -> None:
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo/orchard")
    romeo.write(
        "<message to='juliet@localhost/balcony' type='chat' id='m1'><body>hi &amp; hello</body></message>"
    )
    message = await juliet.next()
    assert message.get("from") == "romeo@localhost/orchard"
    assert message.find("{jabber:client}body").text == "hi & hello"
