// Elements, numbers for people, sparklines and the timeline of one stream. Text only ever becomes text nodes.

export const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

// -- numbers ----------------------------------------------------------------------------------------------------------

export const NONE = "–";

export function count(value) {
  if (value == null) return NONE;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)} k`;
  return `${Math.round(value)}`;
}

export function rate(value) {
  if (value == null) return NONE;
  return value >= 100 ? count(value) : value.toFixed(1);
}

export function seconds(value) {
  if (value == null) return NONE;
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 10) return `${value.toFixed(2)} s`;
  if (value < 60) return `${value.toFixed(1)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min ${String(Math.floor(value % 60)).padStart(2, "0")} s`;
  return value < 86400 * 2 ? `${Math.floor(value / 3600)} h ${Math.floor((value % 3600) / 60)} min` : `${Math.floor(value / 86400)} days`;
}

export function bytes(value) {
  if (value == null) return NONE;
  if (value < 1024) return `${value} B`;
  return value < 1048576 ? `${(value / 1024).toFixed(1)} KiB` : `${(value / 1048576).toFixed(1)} MiB`;
}

export const share = (value) => `${(value * 100).toFixed(value > 0.999 || value === 0 ? 0 : 1)} %`;
export const clock = (at) => new Date(at * 1000).toLocaleTimeString([], { hour12: false });

// -- sparklines -------------------------------------------------------------------------------------------------------

const WIDE = 180;
const HIGH = 40;
const HOLE = 2;         // seconds from one count to the next

// A tile: a title, the newest number, a line over the last seconds. `values` gives one list of numbers for each line.
export class Chart {
  constructor(title, { values, now, least = 0, bad = () => false, most = count }) {
    Object.assign(this, { values, now, least, bad, most });
    this.number = element("div", { class: "now" });
    this.under = drawn("path", { class: "under" });
    this.second = drawn("path", { class: "line second" });
    this.line = drawn("path", { class: "line" });
    this.top = element("span");
    this.node = element("div", { class: "chart" }, element("h3", {}, title), this.number,
      drawn("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.under, this.second, this.line),
      element("div", { class: "most" }, element("span", {}, "3 min"), this.top));
  }

  draw(points) {
    const newest = points.at(-1)?.at;
    const lines = this.values(points).map((values) => values.map((value, index) => [WIDE - (newest - points[index].at), value]));
    const all = lines.flat().map(([, value]) => value).filter((value) => value != null);
    const top = Math.max(this.least, ...all, 1e-9);
    this.line.setAttribute("d", path(lines[0], top));
    this.under.setAttribute("d", area(lines[0], top));
    this.second.setAttribute("d", lines[1] ? path(lines[1], top) : "");
    this.number.replaceChildren(...this.now(points));
    this.top.textContent = all.length ? `up to ${this.most(Math.max(...all))}` : "";
    this.node.classList.toggle("bad", this.bad(points));
  }
}

// The newest second stands at the right edge, each other where its time is. Where nothing was counted, since the machine
// slept or nobody answered, the line breaks; where there was nothing to measure, it goes on from the one before.
function strokes(values, top) {
  const found = [];
  let before = -Infinity;
  for (const [x, value] of values) {
    if (x - before > HOLE) found.push([]);
    before = x;
    if (value != null) found.at(-1).push(`${x} ${(HIGH - 1 - (value / top) * (HIGH - 3)).toFixed(2)}`);
  }
  return found.filter((stroke) => stroke.length);
}

function path(values, top) {
  return strokes(values, top).map((stroke) => `M${stroke.length > 1 ? stroke.join("L") : `${stroke[0]}h1`}`).join("");
}

function area(values, top) {
  const foot = (place) => `${place.split(" ")[0]} ${HIGH}`;
  return strokes(values, top).map((stroke) => `M${foot(stroke[0])}L${stroke.join("L")}L${foot(stroke.at(-1))}Z`).join("");
}

// -- the timeline of one stream ---------------------------------------------------------------------------------------

export const STALL_MS = 1000;

// The next number of 1, 2, 5, 10, 20 ...
function round(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((each) => each * power >= value);
}

// A stream may have tens of thousands of tokens: what is of one kind is one shape. `width`: in pixels. `moments`: of tokens, in milliseconds; `beats`: of what was no token; `end`: null while it goes on.
export function timeline({ moments, beats, head, end, wrong }, width) {
  const base = 118;
  const last = Math.max(end ?? 0, moments.at(-1) ?? 0, head ?? 0, 1);
  const x = (at) => (at / last) * (width - 2) + 1;
  const gaps = moments.slice(1).map((at, index) => [at, at - moments[index]]);
  const longest = gaps.reduce((most, [, gap]) => Math.max(most, gap), 1);
  const shapes = [drawn("line", { class: "axis", x1: 0, x2: width, y1: base, y2: base })];
  if (moments.length) shapes.push(drawn("rect", { class: "wait", x: 0, width: x(moments[0]), y: 18, height: base - 18 }));
  const strokes = (name, moments, from, to) => drawn("path", { class: name, d: moments.map((at) => `M${x(at).toFixed(1)} ${from}V${to}`).join("") });
  const bar = ([at, gap]) => {
    const [left, high] = [x(at - gap), Math.max(1.5, (gap / longest) * (base - 34))];
    return `M${left.toFixed(1)} ${base}v${-high.toFixed(1)}h${Math.max(0.8, x(at) - left - 0.6).toFixed(1)}v${high.toFixed(1)}z`;
  };
  const bars = (name, some) => drawn("path", { class: name, d: some.map(bar).join("") });
  shapes.push(strokes("beat", beats, base - 26, base));
  shapes.push(bars("gap", gaps.filter(([, gap]) => gap < STALL_MS)), bars("gap slow", gaps.filter(([, gap]) => gap >= STALL_MS)));
  shapes.push(strokes("tick", moments, base, base + 8));
  if (end != null) shapes.push(drawn("line", { class: wrong ? "end wrong" : "end", x1: x(end), x2: x(end), y1: 12, y2: base + 8 }));
  const labels = [drawn("text", { x: 2, y: 12 }, moments.length ? `first token after ${seconds(moments[0] / 1000)}` : "no token yet")];
  if (gaps.length) labels.push(drawn("text", { x: width - 4, y: 12, "text-anchor": "end" }, `longest gap ${seconds(longest / 1000)}`));
  const step = round(last / (width > 500 ? 6 : 3));
  for (let at = 0; at <= last; at += step) {
    labels.push(drawn("text", { x: x(at), y: base + 22, "text-anchor": at === 0 ? "start" : last - at < step / 4 ? "end" : "middle" }, seconds(at / 1000)));
  }
  return drawn("svg", { viewBox: `0 0 ${width} 146`, width, height: 146, role: "img", "aria-label": `${moments.length} tokens, ${labels.map((label) => label.textContent).slice(0, 2).join(", ")}` }, ...shapes, ...labels);
}
