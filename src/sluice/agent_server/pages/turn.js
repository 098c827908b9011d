// One answer on the page: a run's events become nodes as they come, and the same events replayed make the same nodes.
import { copier, element, Growing, render } from "./markdown.js";

const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

export function mine(message) {
  const made = element("article", { class: "turn user", "aria-label": "You" });
  const files = message.parts.filter((part) => part.type === "file");
  if (files.length) made.append(element("div", { class: "pictures" }, ...files.map(file)));
  const text = message.parts.filter((part) => part.type === "text").map((part) => part.text).join("");
  if (text) made.append(element("div", { class: "text" }, text));
  return made;
}

// A message that the thread keeps, with the results of its tools. A call that waited for a person stands in two messages:
// `shown` knows those that were shown.
export function kept(message, results, shown) {
  const made = element("article", { class: "turn agent", "aria-label": "Agent" });
  for (const part of message.parts) {
    if (part.type === "tool_call") { if (shown.has(part.id)) continue; shown.add(part.id); }
    if (part.type === "text" && part.text) made.append(element("div", { class: "text" }, ...render(part.text)));
    else if (part.type === "reasoning") made.append(thought(part.text));
    else if (part.type === "file") made.append(element("div", { class: "pictures" }, file(part)));
    else if (part.type === "tool_call") {
      const result = results.get(part.id);
      const call = new Tool(part.name);
      call.input(part.input);
      if (result) result.error ? call.failed(result.error) : call.output(result.output);
      made.append(call.node);
    }
  }
  return made;
}

function thought(text) { return element("details", { class: "thought" }, element("summary", {}, "Reasoning"), element("div", { class: "text" }, text)); }

function file({ url, media_type: type = "", name }) {
  const safe = /^(https?:|data:|blob:)/i.test(url);
  if (safe && type.startsWith("image/") && !/^https?:/i.test(url)) return element("img", { src: url, alt: name || "Picture" });
  return safe ? element("a", { class: "file", href: url, download: name || "file", rel: "noopener noreferrer", target: "_blank" }, name || type || "File") : element("span", { class: "file" }, name || "File");
}

class Tool {
  constructor(name) {
    this.state = element("span", { class: "state" }, "…");
    this.given = element("pre", { tabindex: 0 });
    this.made = element("pre", { tabindex: 0, hidden: true });
    this.node = element("details", { class: "tool" }, element("summary", {}, `Tool: ${name}`, this.state), element("b", {}, "Input"), this.given, this.made);
  }
  typing(text) { this.given.append(text); }
  input(value) { this.given.textContent = pretty(value ?? {}); }
  progress(value) { this.state.textContent = typeof value === "string" ? value.slice(0, 60) : "…"; }
  output(value) { this.state.textContent = "done"; this.made.hidden = false; this.made.textContent = pretty(value); }
  failed(why) { this.state.textContent = "failed"; this.made.hidden = false; this.made.textContent = why; }
}

export class Turn {
  // `acts`: what the reader may do: answer(run, answers), press(token), again(), say(text).
  constructor(acts, asked) {
    this.acts = acts;
    this.asked = asked;
    this.blocks = new Map();
    this.tools = new Map();
    this.steps = new Map();
    this.questions = new Set();
    this.answers = {};
    this.waiting = element("p", { class: "waiting" }, "Thinking");
    this.stepList = element("ul", { class: "steps", "aria-label": "Steps", hidden: true });
    this.body = element("div", { class: "body" });
    this.foot = element("footer", { class: "foot" });
    this.node = element("article", { class: "turn agent", "aria-label": "Agent", "aria-busy": "true" }, this.stepList, this.waiting, this.body, this.foot);
    this.first = null;
    this.chunks = 0;
    this.usage = null;
    this.beside = [];  // what no message keeps
    this.ended = false;
  }

  hear(event) {
    const does = this[event.type.replaceAll(".", "_")];
    if (does) does.call(this, event);
  }

  put(node) { this.waiting.remove(); this.body.append(node); return node; }
  extra(node) { this.beside.push(node); return this.put(node); }

  grow(event, kind) {
    let block = this.blocks.get(event.id);
    if (!block) {
      const node = element("div", { class: "text" });
      const folded = kind === "reasoning" || event.channel === "processing";
      const holder = folded ? element("details", { class: "thought" }, element("summary", {}, kind === "reasoning" ? "Reasoning" : `Working: ${(event.path ?? []).join(" › ") || "notes"}`), node) : node;
      this.put(holder);
      block = folded ? { add: (text) => node.append(text) } : new Growing(node);
      this.blocks.set(event.id, block);
    }
    block.add(event.text);
    this.chunks += 1;
    if (this.first === null) this.first = performance.now();
    this.count();
  }

  text_delta(event) { this.grow(event, "text"); }
  reasoning_delta(event) { this.grow(event, "reasoning"); }

  step_started({ id, name }) {
    const node = element("li", { class: "now" }, name);
    this.steps.set(id, node);
    this.stepList.hidden = false;
    this.stepList.append(node);
  }
  step_finished({ id, name }) { const node = this.steps.get(id); if (node) { node.className = ""; node.textContent = `${name} ✓`; } }

  tool_started({ id, name }) { const tool = new Tool(name); this.tools.set(id, tool); this.put(tool.node); }
  tool_input_delta({ id, text }) { this.tools.get(id)?.typing(text); }
  tool_input({ id, input }) { this.tools.get(id)?.input(input); }
  tool_output_delta({ id, output }) { this.tools.get(id)?.progress(output); }
  tool_output({ id, output }) { this.tools.get(id)?.output(output); }
  tool_failed({ id, error }) { this.tools.get(id)?.failed(error); }

  progress({ value, note }) {
    if (!this.bar) this.bar = this.put(element("div", { class: "note" }, element("span"), element("progress", { max: 1 })));
    this.bar.firstChild.textContent = note ?? "";
    this.bar.lastChild.setAttribute("aria-label", note || "Progress");
    if (value != null) this.bar.lastChild.value = value; else this.bar.lastChild.removeAttribute("value");
  }

  source({ url, title }) {
    if (!this.sources) this.sources = this.extra(element("ol", { class: "sources", "aria-label": "Sources" }));
    const safe = /^https?:/i.test(url ?? "");
    this.sources.append(element("li", {}, safe ? element("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, title || url) : title || url || "Source"));
  }
  file(event) { this.put(element("div", { class: "pictures" }, file(event))); }
  artifact({ name, parts }) {
    const texts = parts.map((part) => part.text ?? pretty(part.data ?? part.url ?? ""));
    this.extra(element("details", {}, element("summary", {}, `Result: ${name}`), element("pre", { tabindex: 0 }, texts.join("\n"))));
  }

  attachment({ kind, value, metadata }) {
    if (kind === "button") {
      if (!this.row) this.row = this.extra(element("div", { class: "buttons" }));
      const button = element("button", { type: "button", onclick: () => this.press(button, value.token) }, value.label);
      this.row.append(button);
    } else if (kind === "image" && typeof value === "string") this.extra(element("div", { class: "pictures" }, file({ url: value, media_type: "image/*" })));
    else if (kind === "suggestion") {
      if (!this.row) this.row = this.extra(element("div", { class: "buttons" }));
      const text = typeof value === "string" ? value : value.text ?? value.label ?? "";
      this.row.append(element("button", { type: "button", onclick: () => this.acts.say(text) }, text));
    } else this.extra(element("details", {}, element("summary", {}, metadata?.title ?? kind), element("pre", { tabindex: 0 }, pretty(value))));
  }
  async press(button, token) {
    button.disabled = true;
    try {
      const said = await this.acts.press(token);
      if (said.message) this.put(element("p", { class: "note", role: "status" }, said.message));
    } catch (error) { this.wrong(error.message); }
  }

  interrupt_requested({ id, run_id: run, question, reason, tool_id: tool }) {
    const text = typeof question === "string" ? question : question?.message ?? question?.question ?? pretty(question);
    const row = element("div", { class: "row" });
    const card = element("section", { class: "card ask", "aria-label": "The agent asks" }, element("p", {}, text), row);
    const answer = (value, said) => { card.replaceChildren(element("p", {}, text), element("p", { class: "note" }, `You answered: ${said}`)); this.answers[id] = { value }; this.body.querySelector(".card.ask :is(input, button)")?.focus(); this.answered(); };
    if (reason === "approval") {
      if (question?.input !== undefined) card.insertBefore(element("pre", { tabindex: 0 }, pretty(question.input)), row);
      row.append(element("button", { type: "button", class: "yes", onclick: () => answer({ approved: true }, "yes") }, "Allow"));
      row.append(element("button", { type: "button", onclick: () => answer({ approved: false }, "no") }, "Do not allow"));
    } else {
      const box = element("input", { type: "text", "aria-label": text, placeholder: "Your answer" });
      const send = () => { if (box.value.trim()) answer(box.value, box.value); };
      box.addEventListener("keydown", (key) => { if (key.key === "Enter" && !key.isComposing) { key.preventDefault(); send(); } });
      row.append(box, element("button", { type: "button", class: "yes", onclick: send }, "Answer"));
    }
    this.run = run;
    this.questions.add(id);
    this.extra(card);
    if (tool) this.tools.get(tool)?.progress("waits for you");
  }

  // A run that asks several things goes on when all are answered.
  answered() {
    if (this.ended && this.questions.size && Object.keys(this.answers).length === this.questions.size) this.acts.answer(this.run, this.answers);
  }

  usage({ usage }) {
    const had = this.usage ?? { output_tokens: 0, input_tokens: 0 };
    this.usage = { output_tokens: had.output_tokens + (usage.output_tokens ?? 0), input_tokens: had.input_tokens + (usage.input_tokens ?? 0) };
    this.count();
  }

  run_finished(event) {
    if (event.usage?.output_tokens) this.usage = event.usage;
    if (event.outcome === "cancelled") this.extra(element("p", { class: "note" }, "Stopped."));
    if (event.outcome === "timeout") this.wrong(event.message || "The agent ran out of time.");
    this.end(event.stats);
  }
  run_failed(event) { this.wrong(event.message); this.end(event.stats); }

  wrong(message) { this.extra(element("div", { class: "card wrong", role: "alert" }, element("p", {}, message))); }

  end(stats) {
    this.ended = true;
    this.stats = stats;
    for (const block of this.blocks.values()) block.catchUp?.();  // nobody is told that it has ended before all of it stands there
    this.waiting.remove();
    this.node.setAttribute("aria-busy", "false");
    for (const node of this.steps.values()) node.classList.remove("now");
    this.count();
    this.foot.append(
      copier(() => this.words()),
      element("button", { type: "button", class: "again", onclick: () => this.acts.again() }, "Regenerate"),
    );
    this.answered();
  }
  words() { return [...this.blocks.values()].map((block) => block.text ?? "").join("\n\n"); }

  // Time to the first token, tokens, tokens a second: as the reader saw them; for a run that was begun elsewhere, or
  // before the page was loaded anew, as the server measured them.
  count() {
    const now = performance.now();
    const seen = this.first !== null && this.asked !== null ? this.first - this.asked : null;
    const first = seen ?? this.stats?.first_chunk_ms ?? null;
    const tokens = this.usage?.output_tokens || this.stats?.chunks || this.chunks;
    const spent = this.stats ? this.stats.duration_ms - (this.stats.first_chunk_ms ?? 0) : this.first === null ? 0 : now - this.first;
    const told = [];
    if (first != null) told.push(`first token ${first < 1000 ? `${first.toFixed(0)} ms` : `${(first / 1000).toFixed(2)} s`}`);
    if (tokens) told.push(`${this.usage?.output_tokens ? "" : "~"}${tokens} tokens`);
    if (tokens > 1 && spent > 0) told.push(`${(tokens / spent * 1000).toFixed(0)} tokens/s`);
    if (!this.numbers) { this.numbers = element("span", { class: "numbers" }); this.foot.prepend(this.numbers); }
    this.numbers.textContent = told.join(" · ");
  }
}
