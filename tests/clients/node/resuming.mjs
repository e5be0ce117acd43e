// A client of @xmpp/client that loses its connection and resumes its session (XEP-0198). Starts with a line
// {service, domain, username, password} on its standard input, then takes commands; tells what happens.

import { createInterface } from "node:readline";
import { client, xml } from "@xmpp/client";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const tell = (happened) => process.stdout.write(JSON.stringify(happened) + "\n");

const { service, domain, username, password } = JSON.parse((await lines.next()).value);
const xmpp = client({ service, domain, username, password });
xmpp.reconnect.stop(); // it comes back when it is told to

// @xmpp/client 0.14 waits until a write is flushed and listens for the answer only then; a server on the same
// machine may have answered by that time.
const write = xmpp.write.bind(xmpp);
xmpp.write = async (text) => void write(text).catch(() => {}); // what is lost with a connection is sent again

xmpp.on("stanza", (stanza) => {
  const body = stanza.getChildText("body");
  if (stanza.is("message") && body) tell({ kind: "message", body });
});
xmpp.on("error", (error) => tell({ kind: "error", text: String(error) }));
xmpp.on("disconnect", () => tell({ kind: "cut" }));
xmpp.streamManagement.on("resumed", () => tell({ kind: "resumed" }));

const commands = {
  message: ({ to, body }) => xmpp.send(xml("message", { to, type: "chat", id: body }, xml("body", {}, body))),
  cut: () => xmpp.socket.socket.destroy(), // the one of Node inside that of @xmpp/tls
  back: () => xmpp.reconnect.reconnect(),
};

// No requests: @xmpp/client 0.14 leaves their results out of what it counts, and would be sent them again.
await xmpp.start();
const available = new Promise((resolve) => xmpp.once("stanza", resolve));
await xmpp.send(xml("presence"));
await available;
tell({ kind: "online", managed: xmpp.streamManagement.enabled });
for await (const line of lines) {
  const command = JSON.parse(line);
  await commands[command.do](command);
}
await xmpp.stop();
