// A client that comes back, with @xmpp/client: it logs in with a password and asks for a token, then logs in
// with the token and no password. Takes {service, domain, username, password} as a line on its standard input;
// tells by lines on its standard output what it asked for and what it got.

import { createInterface } from "node:readline";
import { client, xml } from "@xmpp/client";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const tell = (happened) => process.stdout.write(JSON.stringify(happened) + "\n");

const { service, domain, username, password } = JSON.parse((await lines.next()).value);
const userAgent = xml("user-agent", { id: crypto.randomUUID() });
let token;

async function visit(credentials) {
  const xmpp = client({ service, domain, resource: "node", credentials, userAgent });
  xmpp.reconnect.stop();
  xmpp.fast.saveToken = async (given) => void (token = given);
  xmpp.fast.fetchToken = async () => token;
  xmpp.fast.deleteToken = async () => void (token = undefined);
  // @xmpp/client 0.14 waits until a write is flushed and listens for the answer only then; a server on the same
  // machine may have answered by that time.
  const write = xmpp.write.bind(xmpp);
  xmpp.write = async (text) => void write(text);
  xmpp.on("send", (element) => {
    if (element.is("authenticate", "urn:xmpp:sasl:2")) {
      tell({ asked: element.attrs.mechanism, with: element.children.map((child) => child.name) });
    }
  });
  xmpp.on("error", (error) => tell({ error: String(error) }));
  const jid = await xmpp.start();
  tell({ online: jid.toString(), managed: xmpp.streamManagement.enabled, token: token?.mechanism ?? "" });
  await xmpp.iqCaller.get(xml("query", "jabber:iq:roster"));
  await xmpp.stop();
}

await visit({ username, password });
await visit({ username, password: "forgotten" });
