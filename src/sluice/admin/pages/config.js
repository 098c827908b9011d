// The configuration in use as a tree that opens where one looks, and a search over its names and values.
import { $, element } from "./draw.js";

const MAX_FOUND = 300;
let dump = null;

async function fetched() {
  const answer = await fetch("/config_dump");
  if (!answer.ok) throw new Error(`the gateway answers ${answer.status}`);
  return answer.json();
}

const kind = (value) => (Array.isArray(value) ? "list" : value && typeof value === "object" ? "object" : "leaf");
const empty = (value) => value === null || value === "" || (kind(value) !== "leaf" && !Object.keys(value).length);
const written = (value) => (typeof value === "string" ? value : JSON.stringify(value));
const named = (value) => (kind(value) === "object" ? [value.route, value.name, value.pattern, value.hostname].filter((text) => typeof text === "string" && text).join(" · ") : "");

// What is empty says nothing: it is left out. Children are made when their parent opens.
function node(key, value, open = false) {
  const label = element("span", { class: "key" }, key);
  if (kind(value) === "leaf") return element("div", { class: "leaf" }, label, " ", element("span", { class: typeof value === "string" ? "text" : "" }, written(value)));
  const entries = Object.entries(value).filter(([, item]) => !empty(item));
  const size = kind(value) === "list" ? `${entries.length} ${entries.length === 1 ? "item" : "items"}` : "";
  const made = element("details", { open }, element("summary", {}, label, " ", element("span", {}, named(value)), " ", element("span", { class: "size" }, size)));
  const fill = () => { if (made.open && made.childElementCount === 1) made.append(...entries.map(([name, item]) => node(name, item))); };
  made.addEventListener("toggle", fill);
  if (open) made.append(...entries.map(([name, item]) => node(name, item)));
  return made;
}

function* leaves(value, path = "") {
  if (kind(value) === "leaf") { if (!empty(value)) yield [path, written(value)]; return; }
  for (const [key, item] of Object.entries(value)) yield* leaves(item, path ? `${path}.${key}` : key);
}

function marked(text, words) {
  const at = text.toLowerCase().indexOf(words);
  if (at < 0) return [text];
  return [text.slice(0, at), element("mark", {}, text.slice(at, at + words.length)), text.slice(at + words.length)];
}

function show() {
  const words = $("find").value.trim().toLowerCase();
  if (!words) {
    $("found").textContent = "";
    $("tree").replaceChildren(...Object.entries(dump).filter(([, item]) => !empty(item)).map(([key, value]) => node(key, value, key === "listeners")));
    return;
  }
  const found = [...leaves(dump)].filter(([path, text]) => path.toLowerCase().includes(words) || text.toLowerCase().includes(words));
  $("found").textContent = `${found.length} found`;
  $("tree").replaceChildren(...found.slice(0, MAX_FOUND).map(([path, text]) => element("div", { class: "leaf" }, element("span", { class: "key" }, ...marked(path, words)), " ", element("span", { class: "text" }, ...marked(text, words)))));
}

async function load() {
  try {
    dump = await fetched();
    show();
  } catch (error) {
    $("tree").replaceChildren(element("p", {}, `It cannot be shown: ${error.message}`));
  }
}

$("load").addEventListener("click", load);
$("find").addEventListener("input", () => (dump ? show() : load()));
$("find").addEventListener("keydown", (event) => { if (event.key === "Escape") { $("find").value = ""; $("find").blur(); if (dump) show(); } });

export const configuration = { renew: () => { if (dump) load(); } };
