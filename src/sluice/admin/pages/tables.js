// Tables whose rows stay where they are: a second changes the text of a few cells, not the table.
import { bytes, clock, count, element, NONE, rate, seconds, share } from "./draw.js";

export const PHASES = {
  queued: ["Waiting at the door", "slow"],
  preparing: ["Policies look", ""],
  asking: ["Asking the target", ""],
  first_token: ["Waits for a token", ""],
  streaming: ["Streaming", "going"],
  held: ["Held by a guard", "slow"],
  slow_client: ["Client reads slowly", "slow"],
  reading_on: ["Read on, client left", "slow"],
  answering: ["Answering", "going"],
  finishing: ["Last bytes", "going"],
};
const WELL = new Set(["completed", "client_gone"]);
const SILENT_S = 5;
const NEAR = 8;

// One table in a box that scrolls. Rows that nobody sees get their text when they come into sight: a browser lays out what
// changes, and of two hundred rows a dozen are seen. `cells(row)` gives `[text, class, title]` for each column; `key(row)` says which row it is.
export class Table {
  constructor(table, key, cells) {
    this.body = table.tBodies[0];
    this.wide = [...table.tHead.rows[0].cells].map((cell) => cell.className);
    this.key = key;
    this.cells = cells;
    this.rows = new Map();
    this.told = [];
    this.box = table.closest(".scroll");
    this.box.addEventListener("scroll", () => this.write(), { passive: true });
  }

  show(rows) {
    const now = new Map();
    let before = null;
    for (const row of rows) {
      const key = this.key(row);
      const line = this.rows.get(key) ?? element("tr", {}, ...this.wide.map((name) => element("td", { class: name }, "\u00a0")));
      if ((before ? before.nextSibling : this.body.firstChild) !== line) before ? before.after(line) : this.body.prepend(line);
      before = line;
      now.set(key, line);
    }
    for (const [key, line] of this.rows) if (!now.has(key)) line.remove();
    this.rows = now;
    this.told = rows;
    this.write();
  }

  // The rows in sight, and some above and below.
  write() {
    const high = this.body.rows[0]?.offsetHeight || 30;
    const first = Math.max(0, Math.floor(this.box.scrollTop / high) - NEAR);
    const last = Math.ceil((this.box.scrollTop + this.box.clientHeight) / high) + NEAR;
    for (const row of this.told.slice(first, last)) {
      const line = this.rows.get(this.key(row));
      this.cells(row).forEach((cell, at) => this.put(line.cells[at], this.wide[at], cell));
    }
  }

  put(cell, wide, [text, name = "", title = ""]) {
    const marked = name.startsWith("is");
    if (marked && !cell.firstElementChild) cell.replaceChildren(element("span"));
    const held = marked ? cell.firstElementChild : cell;
    if (held.textContent !== text) held.textContent = text;
    const names = marked ? name : `${wide} ${name}`.trim();
    if (held.className !== names) held.className = names;
    if (cell.title !== title) cell.title = title;
  }
}

export const flight = (row) => {
  const [phase, kind] = PHASES[row.phase] ?? [row.phase, ""];
  const silent = row.quiet_s >= SILENT_S && row.phase !== "queued";
  return [
    [phase, `is ${silent && row.phase === "streaming" ? "slow" : kind}`.trim(), row.id],
    [row.model || NONE, "", row.model],
    [where(row), "faint", `${row.method} ${row.path}`],
    [row.target ? `${row.target}${row.worker ? ` · worker ${row.worker}` : ""}` : row.worker ? `worker ${row.worker}` : NONE, "faint", row.endpoint],
    [seconds(row.ttft_s)],
    [rate(row.tokens_per_s)],
    [row.streaming ? count(row.tokens) : NONE],
    [bytes(row.bytes)],
    [seconds(row.quiet_s), silent ? "slow" : "faint"],
    [seconds(row.age_s), "faint"],
  ];
};

export const wentWrong = (row) => !WELL.has(row.outcome) || (row.status >= 400 && row.status !== 499);

export const end = (row) => [
  [clock(row.at), "faint", row.id],
  [how(row), `is ${wentWrong(row) ? "wrong" : row.outcome === "completed" ? "going" : ""}`.trim(), [row.outcome, row.error].filter(Boolean).join(": ")],
  [row.status ? String(row.status) : NONE, row.status >= 400 && row.status !== 499 ? "wrong" : ""],
  [row.model || NONE, "", row.model],
  [where(row), "faint", `${row.method} ${row.path}`],
  [row.endpoint ? `${row.endpoint}${row.attempts > 1 ? ` · attempt ${row.attempts}` : ""}` : NONE, row.attempts > 1 ? "slow" : "faint"],
  [seconds(row.ttft_s)],
  [row.tokens ? count(row.tokens) : NONE],
  [rate(row.tokens_per_s)],
  [seconds(row.duration_s)],
];

const said = (outcome) => (outcome === "client_gone" ? "client left" : outcome.replaceAll("_", " "));
// `upstream error: upstream unreachable` says a thing twice.
const how = (row) => {
  if (!row.error || row.error === row.outcome) return said(row.outcome);
  return row.outcome === "upstream_error" ? said(row.error) : `${said(row.outcome)}: ${said(row.error)}`;
};
const where = (row) => (row.route && row.route !== "unknown" ? row.route : row.path);

export const target = (row) => [
  [row.name, "", row.name],
  row.state === "resting" ? [`rests ${seconds(row.rests_s)}`, "is wrong", `${row.failures} failures in a row`]
    : row.state === "half-open" ? ["is tried again", "is slow"]
      : row.failures ? [`${row.failures} failed in a row`, "is slow"] : ["well", "is going"],
  [`${row.backend}${row.group ? ` · priority ${row.group + 1}` : ""}${row.worker ? ` · worker ${row.worker}` : ""}`, "faint", row.backend],
  [row.model || "as asked", "faint", row.model],
  [row.endpoint, "faint", row.endpoint],
  [share(row.success), row.success < 0.9 ? "slow" : ""],
  [seconds(row.latency_s)],
  [String(row.pending)],
  [row.score.toFixed(2), "faint"],
];

const shares = (backends) => {
  const whole = backends.reduce((sum, [, weight]) => sum + weight, 0);
  return backends.map(([name, weight]) => (backends.length > 1 && whole ? `${name} ${share(weight / whole)}` : name)).join(", ");
};
const ANSWERS = { by_model: "the backend of the model", model_list: "the list of models" };

export const route = (row) => [
  [`${row.tls ? "https" : "http"} ${row.port}${row.host ? ` ${row.host}` : ""} · ${row.match}`],
  [`${row.route}${row.rule ? ` · ${row.rule}` : ""}`],
  [shares(row.backends) || ANSWERS[row.answer] || NONE],
  [row.policies.map(([kind, object]) => `${kind} (${object})`).join(", ") || NONE, "faint"],
];
