// The chat page: conversations, one of them open, and the run in it that is under way.
import { element } from "./markdown.js";
import { kept, mine, Turn } from "./turn.js";
import { ask, follow, key } from "./wire.js";

const $ = (id) => document.getElementById(id);
const log = $("log");
const box = $("say");
const remembered = { get: (key) => { try { return localStorage.getItem(`sluice.${key}`); } catch { return null; } }, set: (key, value) => { try { localStorage.setItem(`sluice.${key}`, value); } catch { /* private windows keep nothing */ } } };

let agents = [];
let thread = null;          // the id of the open conversation; null = a new one
let messages = [];          // what the open conversation keeps
let turn = null;            // the answer under way or the newest one
let run = null;             // its run, while it lives
let watching = null;        // ends the watching, not the run
let visit = 0;              // counts what was opened: who awaited something finds out that the reader has left
let unwanted = false;       // stopped before the server had begun
let listed = 50;            // how many conversations are shown at most
let files = [];

// -- the log ----------------------------------------------------------------------------------------------------------

const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
let sticks = true;
log.addEventListener("scroll", () => { sticks = atEnd(); $("down").hidden = sticks; });
new ResizeObserver(() => { if (sticks) log.scrollTop = log.scrollHeight; }).observe(log);
const grown = new MutationObserver(() => { if (sticks) log.scrollTop = log.scrollHeight; });
grown.observe(log, { childList: true, subtree: true, characterData: true });
$("down").addEventListener("click", () => { sticks = true; log.scrollTop = log.scrollHeight; });

function empty() {
  log.replaceChildren(element("div", { class: "empty" }, element("h1", {}, "What shall we talk about?"), element("p", {}, "The answer streams as it is made. You can stop it, leave, and come back.")));
}

function draw() {
  const results = new Map(messages.filter((message) => message.role === "tool").flatMap((message) => message.parts).map((part) => [part.id, part]));
  const shown = messages.filter((message) => message.role === "user" || message.role === "assistant");
  if (!shown.length) { empty(); return; }
  const calls = new Set();
  const turns = shown.map((message) => (message.role === "user" ? mine(message) : kept(message, results, calls)));
  log.replaceChildren(...turns.filter((one) => one.childNodes.length));
  const last = log.lastElementChild;
  if (shown.at(-1).role === "assistant") last.append(element("footer", { class: "foot" }, element("button", { type: "button", class: "again", onclick: again }, "Regenerate")));
}

// Do something that may take away what has the focus: it goes to the message box then, not to the head of the page.
function keeping(change) {
  const held = document.activeElement;
  change();
  if (held && held !== document.body && (!held.isConnected || held.hidden)) box.focus();
}

function complain(error) { log.append(element("div", { class: "card wrong", role: "alert" }, element("p", {}, error.message))); }

// -- conversations ----------------------------------------------------------------------------------------------------

async function list() {
  const found = await ask("POST", "threads/search", { limit: listed, sort_by: "updated_at", sort_order: "desc", select: ["thread_id", "status", "metadata"] });
  const held = $("threads").contains(document.activeElement) ? document.activeElement.dataset.of : null;
  $("threads").replaceChildren(...found.map((one) => element("li", {},
    one.status === "busy" ? element("span", { class: "busy-dot", role: "img", "aria-label": "answers now" }) : null,
    element("button", { class: "open", type: "button", "data-of": `open ${one.thread_id}`, "aria-current": one.thread_id === thread ? "true" : null, onclick: () => { show(one.thread_id); side(false); } }, one.metadata?.title || "Conversation"),
    element("button", { class: "drop icon", type: "button", "data-of": `drop ${one.thread_id}`, "aria-label": `Delete: ${one.metadata?.title || "conversation"}`, onclick: () => forget(one) }, "✕"))));
  $("more").hidden = found.length < listed || listed >= 1000;
  if (held) ($("threads").querySelector(`[data-of="${CSS.escape(held)}"]`) ?? $("new")).focus();
}

async function forget(one) {
  if (!confirm(`Delete "${one.metadata?.title || "this conversation"}"?`)) return;
  try {
    await ask("DELETE", `threads/${encodeURIComponent(one.thread_id)}`);
    if (one.thread_id === thread) { open(null); empty(); }
    await list();
  } catch (error) { complain(error); }
}

function open(id) {
  watching?.abort();
  visit += 1;
  [thread, messages, turn, run, watching] = [id, [], null, null, null];
  history.replaceState(null, "", id ? `#${encodeURIComponent(id)}` : location.pathname + location.search);
  working(false);
  for (const item of $("threads").querySelectorAll("[aria-current]")) item.removeAttribute("aria-current");
}

const isLive = (one) => one !== undefined && ["pending", "running"].includes(one.status);

async function show(id) {
  open(id);
  const mine = visit;
  try {
    const place = `threads/${encodeURIComponent(id)}`;
    let [said, before, last] = [];
    do {  // a run that ends in between would be shown twice, or not at all
      [before] = await ask("GET", `${place}/runs?limit=1`);
      said = await ask("GET", `${place}/messages`);
      [last] = await ask("GET", `${place}/runs?limit=1`);
      if (mine !== visit) return;
    } while (isLive(before) !== isLive(last) || before?.run_id !== last?.run_id);
    messages = said;
    draw();
    sticks = true;
    log.scrollTop = log.scrollHeight;
    if (last) choose(last.agent);
    if (isLive(last)) { log.querySelector(".foot")?.remove(); await watch(last.run_id, null); }
    else if (last) recall(last.run_id, mine);
  } catch (error) {
    if (mine !== visit) return;
    if (error.status === 404) { open(null); empty(); } else complain(error);
  }
  await list();
}

// -- runs -------------------------------------------------------------------------------------------------------------

const busy = () => !$("stop").hidden;

function working(yes) {
  keeping(() => { $("stop").hidden = !yes; $("send").hidden = yes; });
  $("link").textContent = "";
}

async function begin(input, more = {}) {
  const asked = performance.now();
  const fresh = thread === null;
  const id = thread ?? unique();
  const mine = visit;
  unwanted = false;
  working(true);
  const began = await ask("POST", `threads/${encodeURIComponent(id)}/runs`, { assistant_id: $("agent").value, input: { messages: input }, if_not_exists: "create", ...more });
  if (mine === visit) { thread = id; history.replaceState(null, "", `#${encodeURIComponent(id)}`); }
  if (unwanted) await ask("POST", `runs/${began.run_id}/cancel`).catch(complain);
  if (fresh) {
    const words = input.at(-1).parts.find((part) => part.type === "text")?.text ?? "Files";
    await ask("PATCH", `threads/${id}`, { metadata: { title: words.replace(/\s+/g, " ").slice(0, 60) } }).catch(() => {});
  }
  list().catch(() => {});
  if (mine === visit) await watch(began.run_id, asked);
}

// An id that nobody guesses. `crypto.randomUUID` is not there over plain HTTP from another machine.
function unique() { return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(""); }

const acts = { answer, press, again, say: (text) => { box.value = text; size(); box.focus(); } };

async function watch(id, asked) {
  watching?.abort();
  const line = watching = new AbortController();
  const here = thread;
  run = id;
  turn = new Turn(acts, asked);
  const mineTurn = turn;
  log.append(turn.node);
  working(true);
  $("told").textContent = "The agent answers";
  try {
    await follow(id, 0, (event) => mineTurn.hear(event), (note) => { if ($("link").textContent !== note) $("link").textContent = note; }, line.signal, $("socket").checked);
  } catch (error) { mineTurn.wrong(error.message); mineTurn.end(null); }
  if (line.signal.aborted || here !== thread) return;
  if (!mineTurn.ended) mineTurn.end(null);  // whatever of its end could not be shown
  run = null;
  working(false);
  $("told").textContent = "The answer has ended";
  messages = await ask("GET", `threads/${encodeURIComponent(here)}/messages`).catch(() => messages);
  list().catch(() => {});
}

// Show what no message keeps of the newest run: what it asks, its buttons, its sources, how it failed, and
// its numbers.
async function recall(id, mine) {
  const line = watching = new AbortController();
  const was = new Turn(acts, null);
  try { await follow(id, 0, (event) => was.hear(event), () => {}, line.signal, false); } catch { return; }  // its log is no longer kept
  if (mine !== visit || watching !== line) return;
  const last = log.lastElementChild;
  const place = last.matches(".turn.agent") ? last : log.appendChild(element("article", { class: "turn agent", "aria-label": "Agent" }));
  place.querySelector(".foot")?.remove();
  was.body.replaceChildren(...was.beside);
  place.append(was.body, was.foot);
}

async function say(text) {
  const parts = files.map(({ url, type, name }) => ({ type: "file", url, media_type: type, name }));
  if (text) parts.push({ type: "text", text });
  if (!parts.length || busy()) return;
  const message = { role: "user", parts };
  const [shown, had, before] = [mine(message), files, visit];
  if (log.querySelector(".empty")) log.replaceChildren();
  log.append(shown);
  sticks = true;
  log.scrollTop = log.scrollHeight;
  box.value = "";
  size();
  files = [];
  shelf();
  try { await begin([message]); } catch (error) {
    if (before !== visit) return;
    working(false);
    shown.remove();  // it was not sent: it is theirs to send again
    if (!box.value) { box.value = text; size(); }
    files = [...had, ...files];
    shelf();
    complain(error);
  }
}

async function again() {
  if (busy()) return;
  const had = messages;
  const last = messages.findLastIndex((message) => message.role === "user");
  if (last < 0) return;
  messages = messages.slice(0, last + 1);
  watching?.abort();
  keeping(draw);
  const before = visit;
  try { await begin(messages, { replace_history: true }); } catch (error) {
    if (before !== visit) return;
    working(false);
    messages = had;
    draw();
    complain(error);
  }
}

async function answer(id, answers) {
  const asked = performance.now();
  box.focus();
  try {
    const resumed = await ask("POST", `runs/${id}/resume`, { answers });
    await watch(resumed.run_id, asked);
  } catch (error) { complain(error); }
}

function press(token) { return ask("POST", "callback", { token }); }

async function stop() {
  unwanted = true;
  if (run) await ask("POST", `runs/${run}/cancel`).catch(complain);
}

// -- the message box --------------------------------------------------------------------------------------------------

function size() { box.style.height = "auto"; box.style.height = `${box.scrollHeight}px`; }
function shelf() {
  $("files").replaceChildren(...files.map((file, place) => element("li", {}, file.type.startsWith("image/") ? element("img", { src: file.url, alt: "" }) : null, file.name, element("button", { type: "button", "aria-label": `Remove ${file.name}`, onclick: () => { files.splice(place, 1); shelf(); } }, "✕"))));
}
async function attach(chosen) {
  for (const file of chosen) {
    if (file.size > 8 << 20) { complain(new Error(`${file.name} is larger than 8 MiB`)); continue; }
    const url = await new Promise((done, fail) => { const reader = new FileReader(); reader.onload = () => done(reader.result); reader.onerror = fail; reader.readAsDataURL(file); });
    files.push({ url, type: file.type || "application/octet-stream", name: file.name });
  }
  shelf();
}
box.addEventListener("input", size);
box.addEventListener("keydown", (key) => {
  if (key.key === "Enter" && !key.shiftKey && !key.isComposing) { key.preventDefault(); $("form").requestSubmit(); }
});
box.addEventListener("paste", (event) => { if (event.clipboardData.files.length) { event.preventDefault(); attach(event.clipboardData.files); } });
$("attach").addEventListener("change", (event) => { attach(event.target.files).then(() => { event.target.value = ""; box.focus(); }); });
$("form").addEventListener("submit", (event) => { event.preventDefault(); say(box.value.trim()); });
$("stop").addEventListener("click", stop);
addEventListener("keydown", (key) => { if (key.key === "Escape") { if (busy()) stop(); else side(false); } });

// -- the rest ---------------------------------------------------------------------------------------------------------

function side(shown) {
  const was = $("side").classList.contains("shown");
  $("side").classList.toggle("shown", shown);
  document.querySelector("main").inert = shown;
  $("veil").hidden = !shown;
  $("open-side").setAttribute("aria-expanded", String(shown));
  if (shown) $("new").focus();
  else if (was) $("open-side").focus();
}
$("open-side").addEventListener("click", () => side(true));
$("close-side").addEventListener("click", () => side(false));
$("veil").addEventListener("click", () => side(false));
$("more").addEventListener("click", () => { listed += 50; list().catch(complain); });
$("new").addEventListener("click", () => { open(null); empty(); side(false); box.focus(); });
addEventListener("hashchange", () => { const id = decodeURIComponent(location.hash.slice(1)); if (id && id !== thread) show(id); });

const theme = (name) => { if (name) document.documentElement.dataset.theme = name; };
theme(remembered.get("theme"));
$("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  theme(dark ? "light" : "dark");
  remembered.set("theme", dark ? "light" : "dark");
});
$("socket").checked = remembered.get("socket") === "yes";
$("socket").addEventListener("change", (event) => remembered.set("socket", event.target.checked ? "yes" : "no"));

function choose(name) {
  if (agents.some((agent) => agent.name === name)) $("agent").value = name;
  const chosen = agents.find((agent) => agent.name === $("agent").value);
  $("about").textContent = chosen?.description || chosen?.model || "";
  remembered.set("agent", $("agent").value);
}
$("agent").addEventListener("change", () => choose($("agent").value));

// Ask for the key that the server wants.
function unlock(why) {
  const text = "This server asks who you are. Enter your key; it is kept until this tab is closed.";
  const said = element("input", { type: "password", "aria-label": "Key", autocomplete: "off" });
  const enter = () => { if (said.value.trim()) { key.set(said.value.trim()); start().catch(complain); } };
  said.addEventListener("keydown", (pressed) => { if (pressed.key === "Enter") { pressed.preventDefault(); enter(); } });
  log.replaceChildren(element("section", { class: "card ask", "aria-label": "Who are you?" }, element("p", { role: why ? "alert" : null }, why || text), element("div", { class: "row" }, said, element("button", { type: "button", class: "yes", onclick: enter }, "Enter"))));
  said.focus();
}

async function start() {
  try { agents = await ask("GET", "agents"); } catch (error) {
    if (error.status !== 401) throw error;
    unlock(key.get() && "This key is not known here.");
    return;
  }
  log.replaceChildren();
  $("agent").replaceChildren(...agents.map((agent) => element("option", { value: agent.name }, agent.name)));
  choose(remembered.get("agent") ?? agents.find((agent) => agent.default)?.name);
  const id = decodeURIComponent(location.hash.slice(1));
  if (id) await show(id); else { empty(); await list(); }
  box.focus();
}
start().catch(complain);
