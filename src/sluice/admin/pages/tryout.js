// The form: one request to the gateway's own front door, its answer token by token, and their times.
// The key stands in its field and in the one request, nowhere else.
import { $, count, element, NONE, rate, seconds, STALL_MS, timeline } from "./draw.js";

const DRAW_MS = 100;
const CALM = 8;         // a picture may take an eighth of the time until the next
let going = null;
let choices = [];

// -- where to -----------------------------------------------------------------------------------------------------------

const PATHS = { chat: "/v1/chat/completions", messages: "/v1/messages" };

export function places(map) {
  const chosen = $("where").value;
  choices = [];
  for (const front of map.fronts) {
    for (const row of map.routes) {
      if (row.port !== front.port || row.answer === "model_list") continue;
      choices.push({ port: front.port, host: row.host.replace("*.", "any.") || front.host, path: row.path, route: row.route });
    }
    if (!choices.some((choice) => choice.port === front.port)) choices.push({ port: front.port, host: front.host, path: "", route: "" });
  }
  const names = map.models.filter((model) => model.public && !model.pattern.includes("*")).map((model) => model.pattern);
  $("names").replaceChildren(...names.map((name) => element("option", { value: name })));
  if (!$("model").value && names.length) $("model").value = names[0];
  const labels = choices.map((choice) => `${choice.host}:${choice.port}${choice.path}${choice.route ? `  →  ${choice.route}` : ""}`);
  $("where").replaceChildren(...labels.map((label, at) => element("option", { value: label, "data-at": at }, label)));
  if (labels.includes(chosen)) $("where").value = chosen;
  else choose();
}

const place = () => choices[Number($("where").selectedOptions[0]?.dataset.at ?? 0)];

function choose() {
  const { path = "" } = place() ?? {};
  $("dialect").value = path.endsWith("/messages") ? "messages" : "chat";
  const prefix = path.replace(/\/+$/, "");
  $("path").value = !prefix || prefix === "/v1" ? PATHS[$("dialect").value] : prefix;
}
$("where").addEventListener("change", choose);
$("dialect").addEventListener("change", () => {
  const other = $("dialect").value === "chat" ? "messages" : "chat";
  if ($("path").value === PATHS[other]) $("path").value = PATHS[$("dialect").value];
});

// -- one request --------------------------------------------------------------------------------------------------------

async function send(event) {
  event.preventDefault();
  if (going) return;
  const to = place();
  if (!to) return;
  const answer = { moments: [], beats: [], head: null, end: null, status: 0, id: "", usage: null, outcome: "", error: "", finish: "", wrong: false };
  const wish = { port: to.port, host: to.host, path: $("path").value, dialect: $("dialect").value, model: $("model").value, prompt: $("prompt").value, key: $("key").value };
  going = new AbortController();
  $("send").disabled = true;
  $("stop").disabled = false;
  $("answer").textContent = "";
  $("result").hidden = false;
  tell("sent");
  let due = 0;
  const redraw = () => {
    const began = performance.now();
    numbers(answer);
    $("timeline").replaceChildren(timeline(answer, Math.max(200, $("result").clientWidth - 34)), legend(answer));
    $("answer").scrollTop = $("answer").scrollHeight;
    const now = performance.now();
    due = now + Math.max(DRAW_MS, CALM * (now - began));
  };
  try {
    const got = await fetch("/api/try", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(wish), signal: going.signal });
    if (!got.ok) throw new Error((await got.json().catch(() => null))?.error ?? `the admin address answers ${got.status}`);
    for await (const line of lines(got.body)) {
      take(answer, line);
      if (performance.now() > due) redraw();
    }
    if (!answer.outcome) throw new Error("the line to the gateway broke");
    tell(answer.outcome === "completed" ? "completed" : `${answer.outcome}: ${answer.error}`, answer.wrong);
  } catch (error) {
    const stopped = error.name === "AbortError";
    answer.outcome = stopped ? "stopped" : "failed";
    answer.wrong = !stopped;
    answer.end ??= answer.moments.at(-1) ?? null;
    tell(stopped ? "stopped" : error.message, !stopped);
  } finally {
    going = null;
    $("send").disabled = false;
    $("stop").disabled = true;
    redraw();
  }
}

async function* lines(body) {
  let rest = "";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) yield JSON.parse(part);
  }
}

function take(answer, line) {
  if (line.kind === "head") {
    Object.assign(answer, { head: line.at_ms, status: line.status, id: line.id });
    tell(line.status === 200 ? "streaming" : `status ${line.status}`);
  } else if (line.kind === "token") {
    answer.moments.push(line.at_ms);
    $("answer").append(line.text);
  } else if (line.kind === "beat") answer.beats.push(line.at_ms);
  else if (line.kind === "usage") answer.usage = line;
  else Object.assign(answer, { end: line.at_ms, outcome: line.outcome, error: line.error, finish: line.finish, wrong: line.outcome !== "completed" });
}

function tell(text, wrong = false) {
  $("told").textContent = text;
  $("told").className = wrong ? "wrong" : "";
}

// -- what it was ----------------------------------------------------------------------------------------------------------

function gapsOf(moments) { return moments.slice(1).map((at, index) => at - moments[index]); }

function numbers(answer) {
  const { moments, usage } = answer;
  const gaps = gapsOf(moments);
  const sorted = [...gaps].sort((one, other) => one - other);
  const longest = sorted.at(-1) ?? null;
  const whole = moments.length > 1 ? moments.at(-1) - moments[0] : 0;
  const tokens = usage?.output || moments.length;
  const ms = (value) => seconds(value == null ? null : value / 1000);
  const shown = [
    ["Status", answer.status ? String(answer.status) : NONE, answer.status >= 400 ? "wrong" : ""],
    ["Head", ms(answer.head)],
    ["First token", ms(moments[0])],
    ["Tokens", `${usage?.output ? "" : moments.length ? "~" : ""}${count(tokens)}`],
    ["Tokens/s", rate(whole ? (tokens - 1) / (whole / 1000) : null)],
    ["Median gap", ms(sorted[Math.floor(sorted.length / 2)])],
    ["Longest gap", ms(longest), longest >= STALL_MS ? "slow" : ""],
    ["Stalls", String(gaps.filter((gap) => gap >= STALL_MS).length), gaps.some((gap) => gap >= STALL_MS) ? "slow" : ""],
    ["Took", ms(answer.end)],
    ["Outcome", answer.outcome ? `${answer.outcome}${answer.finish && answer.finish !== "stop" ? ` (${answer.finish})` : ""}` : "…", answer.wrong ? "wrong" : ""],
  ];
  $("numbers").replaceChildren(...shown.map(([name, text, kind = ""]) => element("div", { class: kind }, element("dt", {}, name), element("dd", {}, text))));
}

function legend(answer) {
  const text = "Bars are the gaps between tokens, as high as they are long; a gap of a second or more is a stall. Dashes are events without a token.";
  return element("p", {}, text, answer.id ? ` Request ${answer.id}.` : "");
}

$("form").addEventListener("submit", send);
$("stop").addEventListener("click", () => going?.abort());
addEventListener("pagehide", () => { $("key").value = ""; });
