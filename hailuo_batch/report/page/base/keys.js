// The keyboard: one table of every key that the page knows, what it does in words, and where it works. `?` shows the table.
//
// An entry has `keys` (as KeyboardEvent.key gives them, letters in lower case, after "Ctrl+" with Control or Command), `does` (words for the table), and `act`,
// which is called with the current take of the place that the key was pressed in (or null), the event and the place; where
// it gives false, the key is left to the browser. Without `act` the browser does it already, and the entry is for the table
// alone. `where` names the places, "sheet" unless given. A key that is held down acts once, unless `repeats`.

const KEY_NAMES = {
  ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", " ": "Space", Escape: "Esc", PageUp: "Page up", PageDown: "Page down",
};
const GROUPS = ["Marking", "Moving", "Looking"]; // in this order, and others below
const TYPED = "input:not([type=checkbox], [type=range]), textarea, select, [contenteditable]";
const PRESSED = "button, a, summary, video, audio, input"; // Enter and space belong to the control that has the focus
const SLID = "input[type=range]"; // and what moves it, to a slider
const SLIDING = /^(Arrow|Page|Home|End)/;

const keymap = (() => {
  const places = new Map();
  const entries = [];
  const add = ({ keys, does, act = null, where = ["sheet"], group = "Looking", repeats = false }) =>
    entries.push({ keys, does, act, where, group, repeats });
  // A place where keys work: the sheet, or a dialog. `take` gives the take that they are about, `run` the attempt at it (the live
  // one unless given), and `marked` is called with a take after a key has marked it, `undone` with a take and its run
  // whose mark was taken back.
  const addPlace = (name, { dialog = null, take, run, marked, undone }) => places.set(name, { dialog, take, run, marked, undone });

  const placeOf = (event) => {
    const open = [...document.querySelectorAll("dialog[open]")];
    const dialog = event.target.closest?.("dialog[open]") ?? open.at(-1) ?? null;
    return [...places].find(([, place]) => place.dialog === dialog) ?? [null, null];
  };
  const nameOf = ({ key, ctrlKey, metaKey }) => `${ctrlKey || metaKey ? "Ctrl+" : ""}${key.length === 1 ? key.toLowerCase() : key}`;
  // By the key's place on the keyboard, where what is written on it is no Latin letter (Cyrillic, Greek), or no digit without
  // Shift (French).
  const placeNameOf = ({ key, code, shiftKey, ctrlKey, metaKey }) => {
    if (ctrlKey || metaKey) return null;
    if (/^Key[A-Z]$/.test(code) && /^\P{ASCII}$/u.test(key)) return code.at(-1).toLowerCase();
    return /^Digit[0-9]$/.test(code) && !shiftKey ? code.at(-1) : null;
  };
  const isTheirs = (event) => event.altKey || event.isComposing || event.target.closest?.(TYPED)
    || (["Enter", " "].includes(event.key) && event.target.closest?.(PRESSED))
    || (SLIDING.test(event.key) && event.target.closest?.(SLID));
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || isTheirs(event)) return;
    const [name, place] = placeOf(event);
    const entryFor = (key) => entries.find(({ keys, act, where }) => act && where.includes(name) && keys.includes(key));
    const entry = entryFor(nameOf(event)) ?? entryFor(placeNameOf(event));
    if (!entry) return;
    if ((event.repeat && !entry.repeats) || entry.act(place.take(), event, place) !== false) event.preventDefault();
  });

  const shown = (key) => el("kbd", {}, KEY_NAMES[key] ?? key.replace(/(?<=^|\+).$/, (letter) => letter.toUpperCase()));
  const line = ({ keys, does }) => el("div", {}, el("dt", {}, keys.map(shown)), el("dd", {}, does));
  const rank = (group) => (GROUPS.includes(group) ? GROUPS.indexOf(group) : GROUPS.length);
  const help = el("dialog", { class: "sheet keys", "aria-labelledby": "keys-title" });
  const showHelp = () => {
    if (help.open) return;
    const groups = [...grouped(entries, ({ group }) => group)].sort(([a], [b]) => rank(a) - rank(b));
    help.replaceChildren(
      el("div", { class: "row" }, el("h2", { id: "keys-title" }, "Keys"),
        on(el("button", { type: "button", class: "round", "aria-label": "Close" }, icon("cross")), "click", () => help.close())),
      el("div", { class: "groups" }, groups.map(([group, found]) =>
        el("section", {}, el("h3", {}, group), el("dl", {}, found.map(line))))));
    help.showModal();
  };
  document.body.append(help);
  return { add, addPlace, showHelp, isOpen: () => help.open };
})();
