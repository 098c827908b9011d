// The live page: one event a second, and what it changes. What the page shows it has from /api/live, as anybody may.
import { $, Chart, count, element, NONE, rate, seconds } from "./draw.js";
import { configuration } from "./config.js";
import { end, flight, PHASES, route, Table, target } from "./tables.js";
import { places } from "./tryout.js";

const LOST_MS = 3500;
const remembered = { get: (key) => { try { return localStorage.getItem(`sluice.${key}`); } catch { return null; } }, set: (key, value) => { try { localStorage.setItem(`sluice.${key}`, value); } catch { /* private windows keep nothing */ } } };

let seen = null;            // the newest picture
let points = [];            // the last three minutes
let plan = -1;              // which plan the routes shown are of
let phase = null;           // show only this one
let bad = false;            // show only the ends that went wrong
let held = false;           // the picture stands still
let heard = 0;              // when something came last

// -- charts -----------------------------------------------------------------------------------------------------------

const small = (text) => element("small", {}, text);
const of = (name) => (all) => [all.map((point) => point[name])];
const last = (all, name) => all.at(-1)?.[name];
const mean = (all, name, over = 5) => { const some = all.slice(-over); return some.length ? some.reduce((sum, point) => sum + point[name], 0) / some.length : null; };
const latest = (all, name) => all.findLast((point) => point[name] != null)?.[name];
const inSeconds = (ms) => seconds(ms == null ? null : ms / 1000);

const charts = [
  new Chart("Requests per second", { values: of("requests"), now: (all) => [rate(mean(all, "requests"))], least: 4 }),
  new Chart("Tokens per second", { values: of("tokens"), now: (all) => [count(mean(all, "tokens"))], least: 20 }),
  new Chart("First token, p50 · p95", {
    values: (all) => [all.map((point) => point.ttft_p50_ms), all.map((point) => point.ttft_p95_ms)],
    now: (all) => [inSeconds(latest(all, "ttft_p50_ms")), small(` · ${inSeconds(latest(all, "ttft_p95_ms"))}`)], most: inSeconds, least: 100,
  }),
  new Chart("In flight", {
    values: of("exchanges"), least: 4,
    now: (all) => [count(last(all, "exchanges")), small(last(all, "waiting") ? ` · ${count(last(all, "waiting"))} wait` : ` · ${count(last(all, "streams") ?? 0)} streams`)],
  }),
  new Chart("Errors per second", { values: of("errors"), now: (all) => [rate(mean(all, "errors"))], least: 2, bad: (all) => mean(all, "errors") > 0 }),
  new Chart("Event loop behind", { values: of("lag_ms"), now: (all) => [inSeconds(last(all, "lag_ms"))], most: inSeconds, least: 20, bad: (all) => mean(all, "lag_ms") > 100 }),
];
$("charts").append(...charts.map((chart) => chart.node));

// -- tables -----------------------------------------------------------------------------------------------------------

const flights = new Table($("flights"), (row) => row.key, flight);
const ended = new Table($("ended"), (row) => row.key, end);
const health = new Table($("health"), (row) => `${row.worker} ${row.backend} ${row.group} ${row.name} ${row.endpoint} ${row.model}`, target);
const routing = new Table($("routing"), (row) => row.key, route);

const buttons = new Map(Object.entries(PHASES).map(([name, [text]]) => {
  const number = element("b");
  const button = element("button", { type: "button", "aria-pressed": "false", hidden: true, onclick: () => { phase = phase === name ? null : name; draw(); } }, text, number);
  $("phases").append(button);
  return [name, { button, number }];
}));

function drawFlights() {
  for (const [name, { button, number }] of buttons) {
    const many = seen.phases[name] ?? 0;
    button.hidden = !many && phase !== name;
    button.setAttribute("aria-pressed", String(phase === name));
    if (number.textContent !== String(many)) number.textContent = String(many);
  }
  const rows = seen.flights.filter((row) => !phase || row.phase === phase);
  flights.show(rows);
  $("in-flight").textContent = String(seen.exchanges);
  $("no-flights").hidden = rows.length > 0;
  $("no-flights").textContent = phase ? "Nothing is in this phase among the rows shown." : "Nothing is under way.";
  $("not-all").hidden = seen.flights.length >= seen.exchanges;
  $("not-all").textContent = `${seen.flights.length} of ${seen.exchanges}: those that have been silent for the longest time, and the newest.`;
}

function drawEnds() {
  const rows = bad ? seen.failed : seen.ended;
  ended.show(rows);
  $("no-ended").hidden = rows.length > 0;
  $("no-ended").textContent = bad ? "Nothing went wrong." : "Nothing has ended yet.";
  $("bad-count").textContent = seen.failed.length ? (seen.failed.length < 100 ? String(seen.failed.length) : "100 +") : "";
}

async function drawRoutes() {
  if (seen.plan === plan) return;
  plan = seen.plan;
  try {
    const answer = await fetch("/api/plan");
    if (!answer.ok) throw new Error(answer.statusText);
    const map = await answer.json();
    routing.show(map.routes.map((row, key) => ({ ...row, key })));
    $("route-count").textContent = String(map.routes.length);
    places(map);
    configuration.renew();
  } catch { plan = -1; }
}

function draw() {
  if (!seen || held) return;
  for (const chart of charts) chart.draw(points);
  drawFlights();
  drawEnds();
  health.show(seen.targets);
  $("no-targets").hidden = seen.targets.length > 0;
  const text = [seen.version, seen.workers ? `${seen.silent ? `${seen.workers - seen.silent} of ` : ""}${seen.workers} workers` : null, `up ${seconds(seen.uptime_s)}`].filter(Boolean).join(" · ");
  if ($("about").textContent !== text) $("about").textContent = text;
}

// -- the line to the process ------------------------------------------------------------------------------------------

function say(is, text) {
  const state = $("state");
  if (state.dataset.is === is && state.lastElementChild.textContent === text) return;
  state.dataset.is = is;
  state.lastElementChild.textContent = text;
}

function state() {
  if (held) say("held", "held");
  else if (seen?.ready) say("live", "live");
  else if (seen) say("draining", "not ready");
}

function take(event) {
  heard = performance.now();
  seen = JSON.parse(event.data);
  const first = seen.points[0]?.at ?? Infinity;     // a clock that was set back begins anew
  points = [...points.filter((point) => point.at < first), ...seen.points];
  points = points.filter((point) => point.at > points.at(-1).at - 180);
  state();
  draw();
  drawRoutes();
}

let line = null;

function listen() {
  line?.close();
  if (document.hidden) return;      // nobody looks: then nothing need be sent
  if (heard) heard = performance.now();
  const source = line = new EventSource("/api/live");
  source.addEventListener("live", take);
  source.addEventListener("nobody", () => { heard = performance.now(); say("lost", "no worker answers"); });
  source.addEventListener("error", () => {
    say("lost", "lost, trying again");
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { if (source === line) listen(); }, 2000);
  });
}

listen();
setInterval(() => { if (heard && performance.now() - heard > LOST_MS && !document.hidden) say("lost", "lost, trying again"); }, 1000);
document.addEventListener("visibilitychange", listen);

// -- the reader -------------------------------------------------------------------------------------------------------

function ends(which) {
  bad = which;
  $("all-ends").setAttribute("aria-pressed", String(!bad));
  $("bad-ends").setAttribute("aria-pressed", String(bad));
  draw();
}
$("all-ends").addEventListener("click", () => ends(false));
$("bad-ends").addEventListener("click", () => ends(true));

function hold() {
  held = !held;
  $("hold").setAttribute("aria-pressed", String(held));
  $("hold").textContent = held ? "Go on" : "Hold";
  state();
  draw();
}
$("hold").addEventListener("click", hold);

const theme = (chosen) => { if (chosen) document.documentElement.dataset.theme = chosen; };
theme(remembered.get("theme"));
$("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  theme(dark ? "light" : "dark");
  remembered.set("theme", dark ? "light" : "dark");
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT|BUTTON|SUMMARY|A)$/.test(event.target.tagName)) return;
  if (event.key === " ") { event.preventDefault(); hold(); }
  if (event.key === "/") { event.preventDefault(); $("find").focus(); }
});
$("in-flight").textContent = NONE;
