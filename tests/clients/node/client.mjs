// A user with @xmpp/client, driven by lines of JSON: commands on the standard input, what happens on the
// standard output. Starts with {service, domain, username, password, resource, register}.

import { createInterface } from "node:readline";
import { client, xml } from "@xmpp/client";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const tell = (happened) => process.stdout.write(JSON.stringify(happened) + "\n");

const { service, domain, username, password, resource, register } = JSON.parse((await lines.next()).value);

// Called once the stream is encrypted and the mechanisms are known: the moment to register, too (XEP-0077).
async function authenticate(login, mechanisms, _fast, entity) {
  if (register) {
    const account = xml("query", "jabber:iq:register", xml("username", {}, username), xml("password", {}, password));
    await entity.iqCaller.request(xml("iq", { type: "set", to: domain }, account));
  }
  const mechanism = mechanisms.find((name) => name.startsWith("SCRAM-"));
  await login({ username, password }, mechanism);
}

const xmpp = client({ service, domain, resource, credentials: authenticate });
xmpp.reconnect.stop();

// @xmpp/client 0.14 waits until a write is flushed and listens for the answer only then; a server on the same
// machine may have answered by that time.
const write = xmpp.write.bind(xmpp);
xmpp.write = async (text) => void write(text);

const describe = {
  message: (stanza) => ({
    kind: "message",
    from: stanza.attrs.from,
    body: stanza.getChildText("body"),
    stamp: stanza.getChild("delay", "urn:xmpp:delay")?.attrs.stamp ?? "",
  }),
  presence: (stanza) => ({ kind: "presence", from: stanza.attrs.from, type: stanza.attrs.type ?? "" }),
};

const item = ({ attrs }) => ({ contact: attrs.jid, subscription: attrs.subscription, name: attrs.name ?? "" });

xmpp.on("stanza", (stanza) => {
  const description = describe[stanza.name]?.(stanza);
  if (description) tell(description);
});
xmpp.iqCallee.set("jabber:iq:roster", "query", ({ element }) => {
  for (const child of element.getChildren("item")) tell({ kind: "item", ...item(child) });
  return true;
});
xmpp.on("error", (error) => tell({ kind: "error", text: String(error) }));

const commands = {
  message: ({ to, body }) => xmpp.send(xml("message", { to, type: "chat" }, xml("body", {}, body))),
  presence: ({ to, type }) => xmpp.send(xml("presence", { to, type })),
  add: ({ contact, name }) => xmpp.iqCaller.set(xml("query", "jabber:iq:roster", xml("item", { jid: contact, name }))),
  async roster() {
    const { children } = await xmpp.iqCaller.get(xml("query", "jabber:iq:roster"));
    tell({ kind: "roster", items: children.map(item) });
  },
};

tell({ kind: "online", jid: (await xmpp.start()).toString(), secure: xmpp.isSecure() });
for await (const line of lines) {
  const command = JSON.parse(line);
  await commands[command.do](command);
}
await xmpp.stop();
