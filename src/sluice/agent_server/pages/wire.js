// The server, as the page sees it: requests, and a run's events by server-sent events or by WebSocket. Both go on where
// they were cut; neither ends a run by leaving.

export class Refused extends Error {
  constructor(status, problem) { super(problem?.detail ?? problem?.message ?? `the server answered ${status}`); this.status = status; }
}

const here = new URL(".", document.baseURI);

// The reader's key where the server wants one: kept while this tab is open.
const KEY = "sluice.key";
export const key = { get: () => { try { return sessionStorage.getItem(KEY) ?? ""; } catch { return key.held ?? ""; } }, set: (said) => { key.held = said; try { sessionStorage.setItem(KEY, said); } catch { /* it is held as long as the page */ } } };
const proof = () => (key.get() ? { authorization: `Bearer ${key.get()}` } : {});

export async function ask(method, path, body, headers = {}) {
  const sent = { method, headers: { accept: "application/json", ...proof(), ...headers } };
  if (body !== undefined) { sent.body = JSON.stringify(body); sent.headers["content-type"] = "application/json"; }
  const answer = await fetch(new URL(path, here), sent);
  const said = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, said);
  return said;
}

const wait = (ms, signal) => new Promise((done) => { const timer = setTimeout(done, ms); signal.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true }); });

class NoSocket extends Error {}

// Give each event of a run beyond `after` to `hear`, until its end; `told` hears what is to be said of the line, "" when
// all is well. Where no WebSocket can be opened (many a proxy lets none through) it goes on without.
export async function follow(run, after, hear, told, signal, socket) {
  let last = after;
  let tries = 0;
  let note = "";
  while (!signal.aborted) {
    try {
      const once = socket ? overSocket : overHttp;
      const ended = await once(run, last, (event) => { last = event.seq; tries = 0; told(note); hear(event); }, signal);
      if (ended) return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && error.status < 500) throw error;
      if (error instanceof NoSocket) { socket = false; note = "No WebSocket could be opened: read without"; told(note); continue; }
    }
    if (signal.aborted) return;
    told("Connection lost, trying again…");
    tries += 1;
    await wait(Math.min(5000, 200 * 2 ** tries), signal);
  }
}

async function overHttp(run, after, hear, signal) {
  const headers = { accept: "text/event-stream", ...proof() };
  if (after) headers["last-event-id"] = String(after);
  const answer = await fetch(new URL(`runs/${run}/stream`, here), { headers, signal });
  if (answer.status === 204) return true;
  if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => null));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return false;
    rest += value;
    let end;
    while ((end = rest.indexOf("\n\n")) >= 0) {
      const data = rest.slice(0, end).split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
      rest = rest.slice(end + 2);
      if (!data) continue;
      const event = JSON.parse(data);
      hear(event);
      if (isEnd(event)) return true;
    }
  }
}

function overSocket(run, after, hear, signal) {
  return new Promise((settle, fail) => {
    const address = new URL("ws", here);
    address.protocol = address.protocol.replace("http", "ws");
    let line;
    try { line = new WebSocket(address, key.get() ? ["sluice.v1", `bearer.${key.get()}`] : "sluice.v1"); } catch { fail(new NoSocket()); return; }
    const leave = () => line.close();
    signal.addEventListener("abort", leave, { once: true });
    let [heard, ended] = [false, false];
    line.onopen = () => line.send(JSON.stringify({ type: "resume", run_id: run, lastSequence: after }));
    line.onmessage = ({ data }) => {
      heard = true;
      const said = JSON.parse(data);
      if (said.type === "error" && said.run_id === undefined) { fail(new Refused(said.status ?? 400, said)); line.close(); return; }
      if (said.seq === undefined) return;
      hear(said);
      if (isEnd(said)) { ended = true; line.close(); }
    };
    line.onclose = () => { signal.removeEventListener("abort", leave); if (heard) settle(ended); else fail(new NoSocket()); };
  });
}

export const isEnd = (event) => event.type === "run.finished" || event.type === "run.failed";
