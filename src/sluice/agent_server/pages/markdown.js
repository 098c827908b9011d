// Markdown to DOM nodes. Text only ever becomes text nodes: nothing a model says is read as HTML, and what stands between
// two marks is bounded: no text is slow to read.
// Blocks: headings, paragraphs, fenced code, lists, quotes, tables, rules. Inside: code, bold, italic, struck, links.

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)]) +(.*)$/;
const ROW = /^\s*\|.*\|\s*$/;
const RULE = /^ {0,3}([-*_])( *\1){2,} *$/;
const DEEPEST = 16;  // quotes and lists inside of each other; what is deeper stands there as it was written
const SAFE = /^(https?:|mailto:)/i;
const INLINE = /(`{1,8})([^]{0,800}?[^`])\1(?!`)|\*\*(?=\S)([^]{0,800}?\S)\*\*|__(?=\S)([^]{0,800}?\S)__(?!\w)|~~(?=\S)([^]{0,800}?\S)~~|\*(?=[^\s*])([^*]{0,800}[^\s*])\*|(?<!\w)_(?=[^\s_])([^_]{0,800}[^\s_])_(?!\w)|\[([^\]]{0,800})\]\(\s{0,9}<?([^\s)>]{1,4000})>?(?:\s{1,9}"[^"]{0,400}")?\s{0,9}\)|(https?:\/\/[^\s<>)\]]{1,4000}[^\s<>)\].,;:!?'"])/g;

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

export function inline(text, depth = 0) {
  const out = [];
  let at = 0;
  if (depth < 6) for (const found of text.matchAll(INLINE)) {
    if (found.index > at) out.push(text.slice(at, found.index));
    at = found.index + found[0].length;
    const [, , code, bold, bold2, struck, italic, italic2, label, target, bare] = found;
    if (code !== undefined) out.push(element("code", {}, code.replace(/^ (.*) $/s, "$1")));
    else if (bold ?? bold2) out.push(element("strong", {}, ...inline(bold ?? bold2, depth + 1)));
    else if (struck) out.push(element("del", {}, ...inline(struck, depth + 1)));
    else if (italic ?? italic2) out.push(element("em", {}, ...inline(italic ?? italic2, depth + 1)));
    else out.push(link(target ?? bare, label === undefined ? [bare] : inline(label, depth + 1)));
  }
  if (at < text.length) out.push(text.slice(at));
  return out;
}

function link(target, label) {
  if (!SAFE.test(target)) return element("span", {}, ...label, ` (${target})`);
  return element("a", { href: target, rel: "noopener noreferrer nofollow", target: "_blank" }, ...label);
}

// The blocks of a text, each as a function that makes its node, with the place where it ends: a text that grows changes
// its last block only.
export function blocks(text, depth = 0) {
  const lines = text.split("\n");
  const out = [];
  let at = 0;
  let place = 0;
  const take = (count) => { const taken = lines.slice(at, at + count); at += count; place += taken.join("\n").length + 1; return taken; };
  const count = (while_) => { let n = 1; while (at + n < lines.length && while_(lines[at + n])) n += 1; return n; };
  while (at < lines.length) {
    const line = lines[at];
    const start = place;
    let make = null;
    const fence = line.match(FENCE);
    const head = line.match(/^ {0,3}(#{1,6})\s+(.*?)\s*#*$/);
    if (!line.trim()) { take(1); continue; }
    if (fence) {
      const rest = lines.slice(at + 1).findIndex((other) => other.trim().startsWith(fence[1]) && !other.trim().replaceAll(fence[1][0], ""));
      const body = take(rest < 0 ? lines.length - at : rest + 2).slice(1, rest < 0 ? undefined : -1);
      make = () => code(body.join("\n"), fence[2]);
    } else if (head) { take(1); make = () => element(`h${head[1].length}`, {}, ...inline(head[2])); }
    else if (RULE.test(line)) { take(1); make = () => element("hr"); }
    else if (line.startsWith(">") && depth < DEEPEST) {
      const body = take(count((other) => other.startsWith(">"))).map((quoted) => quoted.replace(/^> ?/, ""));
      make = () => element("blockquote", {}, ...render(body.join("\n"), depth + 1));
    } else if (ROW.test(line) && /^\s*\|[\s:|-]+\|\s*$/.test(lines[at + 1] ?? "")) {
      const body = take(count((other) => ROW.test(other)));
      make = () => table(body);
    } else if (ITEM.test(line) && depth < DEEPEST) {
      const body = take(count((other) => ITEM.test(other) || /^\s{2,}\S/.test(other)));
      make = () => list(body, depth);
    } else {
      const body = take(count((other) => other.trim() && !FENCE.test(other) && !/^ {0,3}#{1,6}\s/.test(other) && !ITEM.test(other) && !other.startsWith(">") && !RULE.test(other)));
      make = () => element("p", {}, ...broken(body.join("\n")));
    }
    out.push({ start, source: text.slice(start, Math.min(place, text.length)), make });
  }
  return out;
}

export const render = (text, depth = 0) => blocks(text, depth).map(drawn);

// A block with more pieces than one call takes stands there as it was written: no text keeps what follows it from showing.
function drawn(block) {
  try { return block.make(); } catch { return element("p", {}, block.source); }
}

function broken(text) {
  const out = [];
  for (const [index, line] of text.split(/ {2,}\n|\\\n/).entries()) {
    if (index) out.push(element("br"));
    out.push(...inline(line.replaceAll("\n", " ")));
  }
  return out;
}

function code(text, language) {
  return element("div", { class: "block" }, element("pre", { tabindex: 0 }, element("code", { "data-language": language || null }, text)), copier(() => text));
}

// A button that copies a text, and says that it did.
export function copier(text) {
  const button = element("button", { class: "copy", type: "button", onclick: async () => {
    button.textContent = (await copied(text()).catch(() => false)) ? "Copied" : "Not copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  } }, "Copy");
  return button;
}

async function copied(text) {
  if (navigator.clipboard) { await navigator.clipboard.writeText(text); return true; }
  const held = document.activeElement;  // over plain HTTP from elsewhere than this machine there is no clipboard
  const box = element("textarea", { class: "hidden" });
  box.value = text;
  document.body.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  held?.focus();
  return done;
}

function list(lines, depth) {
  const [, indent, marker] = lines[0].match(ITEM);
  const ordered = /\d/.test(marker);
  const made = element(ordered ? "ol" : "ul", ordered && parseInt(marker) !== 1 ? { start: parseInt(marker) } : {});
  let item = null;
  const flush = () => { if (item) made.append(element("li", {}, ...inline(item.text), ...(item.below.length ? render(item.below.join("\n"), depth + 1) : []))); };
  for (const line of lines) {
    const found = line.match(ITEM);
    if (found && found[1].length <= indent.length) { flush(); item = { text: found[3], below: [] }; }
    else item.below.push(line.replace(new RegExp(`^ {0,${indent.length + 2}}`), ""));
  }
  flush();
  return made;
}

function table(lines) {
  const cells = (line) => line.trim().slice(1, -1).split("|").map((cell) => cell.trim());
  const row = (line, tag) => element("tr", {}, ...cells(line).map((cell) => element(tag, {}, ...inline(cell))));
  return element("table", {}, element("thead", {}, row(lines[0], "th")), element("tbody", {}, ...lines.slice(2).map((line) => row(line, "td"))));
}

// A text that grows. What comes at the end can change the last two blocks and no other; drawing takes a fifth of the time
// at most, so that a page with a block of any length stays a page that answers.
export class Growing {
  constructor(node) { this.node = node; this.text = ""; this.done = []; this.waits = false; this.pause = 0; }
  add(text) {
    this.text += text;
    if (this.waits) return;
    this.waits = true;
    setTimeout(() => requestAnimationFrame(() => this.catchUp()), this.pause);
  }
  // Draw what has not been drawn yet, if there is something. At the end of a text nobody waits for a frame: a tab in the
  // background has none.
  catchUp() { if (this.waits) this.draw(); }
  draw() {
    this.waits = false;
    const began = performance.now();
    const kept = Math.max(0, this.done.length - 2);
    const from = this.done[kept]?.start ?? 0;
    const now = blocks(this.text.slice(from)).map((block) => ({ ...block, start: block.start + from }));
    let same = 0;
    while (kept + same < this.done.length && same < now.length && this.done[kept + same].source === now[same].source) same += 1;
    while (this.node.childNodes.length > kept + same) this.node.lastChild.remove();
    for (const block of now.slice(same)) this.node.append(drawn(block));
    this.done = [...this.done.slice(0, kept), ...now];
    const rest = () => { this.pause = 4 * (performance.now() - began); };
    rest();
    setTimeout(rest);  // with the browser's own share: layout, paint
  }
}
