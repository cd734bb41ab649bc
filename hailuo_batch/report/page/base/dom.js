// Elements and words. Text reaches the document as text nodes and attributes only, never as markup.

const report = JSON.parse(document.getElementById("model").textContent);

const byId = (id) => document.getElementById(id);
const el = (tag, attributes, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
};
const on = (node, type, listener) => { node.addEventListener(type, listener); return node; };

const ICONS = {
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z", tick: "M3 8.5l3.5 3.5L13 4.5", cross: "M4 4l8 8M12 4l-8 8",
  again: "M13 8a5 5 0 1 1-1.5-3.6M13 2.5v3h-3", left: "M10 3L5 8l5 5", right: "M6 3l5 5-5 5",
  hash: "M6 2.5L4.5 13.5M11.5 2.5L10 13.5M2.5 6h11M2.5 10.5h11", filter: "M2.5 4h11M4.5 8h7M6.5 12h3",
  up: "M3 10l5-5 5 5", down: "M3 6l5 5 5-5",
  out: "M6.5 3.5h-3v9h9v-3M9 3h4v4M13 3L7.5 8.5", open: "M3 6.5V3h3.5M13 9.5V13H9.5M3 3l4 4M13 13L9 9",
  play: "M5 3l8 5-8 5z", pause: "M5.5 3v10M10.5 3v10", framePrevious: "M11 3.5L5.5 8l5.5 4.5zM3.5 3.5v9", frameNext: "M5 3.5L10.5 8 5 12.5zM12.5 3.5v9",
  loop: "M4 9.5V8a3 3 0 0 1 3-3h6M10.5 2.5L13 5l-2.5 2.5M12 6.5V8a3 3 0 0 1-3 3H3M5.5 13.5L3 11l2.5-2.5",
  note: "M3 3h10v7.5H8.5L5.5 13v-2.5H3zM5.5 5.8h5M5.5 7.8h3", compare: "M2.5 3.5h4.75v9H2.5zM8.75 3.5h4.75v9H8.75z",
  save: "M8 2.5v7M5 6.7l3 3 3-3M3 11v2.5h10V11", bring: "M8 9.7v-7M5 5.5l3-3 3 3M3 11v2.5h10V11",
};
const icon = (name) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [key, value] of [["viewBox", "0 0 16 16"], ["aria-hidden", "true"], ["class", "icon"]]) node.setAttribute(key, value);
  path.setAttribute("d", ICONS[name]);
  node.append(path);
  return node;
};

const WORDS = {
  waiting: "Waiting", in_doubt: "In doubt", running: "Running", downloading: "Downloading", done: "Done",
  failed: "Failed", rejected: "Rejected", lost: "Lost", abandoned: "Abandoned",
  pending: "Queued", processing: "Running", succeeded: "Succeeded",
};
const STATES = ["done", "downloading", "running", "waiting", "in_doubt", "failed", "rejected", "lost", "abandoned"];

const grouped = (things, key) => {
  const groups = new Map();
  for (const thing of things) {
    const name = key(thing);
    if (groups.has(name)) groups.get(name).push(thing);
    else groups.set(name, [thing]);
  }
  return groups;
};
const number = (count) => count.toLocaleString("en-US");
const plural = (count, one, many) => `${number(count)} ${count === 1 ? one : many}`;
const usd = (micro) => {
  const size = Math.abs(micro);
  const decimals = String(size % 1e6).padStart(6, "0").replace(/0+$/, "").padEnd(2, "0");
  return `${micro < 0 ? "-" : ""}$${number(Math.floor(size / 1e6))}.${decimals}`;
};
const duration = (seconds) => {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h ${Math.floor((seconds % 3600) / 60)}m`;
  return `${number(Math.floor(seconds / 86_400))} days`;
};
const moment = (text) => {
  const shown = new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return el("time", { datetime: text }, shown);
};

const announce = (text) => { byId("announcements").textContent = text; };
const copy = async (text, what, fallback) => {
  try {
    await navigator.clipboard.writeText(text);
    announce(`Copied ${what}`);
    return true;
  } catch {
    getSelection().selectAllChildren(fallback);
    say(`Selected ${what}; copy it with the keyboard`);
    return false;
  }
};
const copyButton = (text, what, fallback) => {
  const button = el("button", { type: "button", class: "quiet", "aria-label": `Copy ${what}` }, icon("copy"));
  return on(button, "click", async () => {
    if (!await copy(text, what, fallback)) return;
    button.replaceChildren(icon("tick"));
    setTimeout(() => button.replaceChildren(icon("copy")), 1500);
  });
};
// A command wraps between words, never at a hyphen: that would split an option.
const unbroken = (text) => text.split(/( )/).map((word) => word === " " ? word : el("span", { class: "word" }, word));
const command = (text) => {
  const code = el("code", { tabindex: "0" }, unbroken(text));
  return el("div", { class: "command" }, code, copyButton(text, "the command", code));
};
const item = (text, what) => {
  const shown = el("span", { class: "mono", title: text }, text);
  return el("div", { class: "item" }, shown, copyButton(text, `${what} ${text}`, shown));
};
const stateMark = (state, words = WORDS[state] ?? state) => el("span", { class: `state t-${state}` }, words);
