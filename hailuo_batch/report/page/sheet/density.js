// How large the pictures are. Without a choice of the reader's, the more takes there are, the smaller.

// `tile` is the least width of a picture in rem (L: as base.css sets the columns), `rows` how many a band has, `ahead` how many
// pixels before it comes into sight it is filled.
// From `flexible` columns on, some `more` or fewer hardly change the size of a picture.
const DENSITIES = {
  S: { word: "Small: pictures, IDs and marks", tile: 8.1, least: 3, flexible: 3, more: [1, 2, 3, -1], rows: 6, ahead: 500 },
  M: { word: "Medium", tile: 12.5, least: 2, flexible: 5, more: [1, 2, -1], rows: 4, ahead: 1000 },
  L: { word: "Large: everything about a take", tile: null, least: 1, flexible: 5, more: [1, -1], rows: 4, ahead: 1500 },
};
const MOST_LARGE = 12; // takes
const MOST_MEDIUM = 150;
const local = keptValue(() => localStorage, "sheet"); // what another window, another day continues with

const density = (() => {
  const usual = report.takes.length <= MOST_LARGE ? "L" : report.takes.length <= MOST_MEDIUM ? "M" : "S";
  const kept = local.read().density;
  let chosen = Object.hasOwn(DENSITIES, kept) ? kept : usual;
  // Called with the change, as what it does to the sheet can only be measured before it.
  let around = (change) => change();
  const buttons = Object.entries(DENSITIES).map(([name, { word }]) =>
    on(el("button", { type: "button", "data-density": name, "aria-label": word, title: word }, name), "click", () => choose(name)));
  const show = () => {
    document.documentElement.dataset.density = chosen;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.density === chosen));
  };
  const choose = (name) => {
    if (name === chosen) return;
    local.write({ ...local.read(), density: name });
    around(() => {
      chosen = name;
      show();
    });
  };
  const step = (by) => {
    const names = Object.keys(DENSITIES);
    choose(names[Math.min(Math.max(names.indexOf(chosen) + by, 0), names.length - 1)]);
  };
  show();
  const control = el("div", { class: "segments", role: "group", "aria-label": "Size of the pictures" }, buttons);
  keymap.add({ keys: ["+", "="], does: "Larger pictures", act: () => step(1) });
  keymap.add({ keys: ["-"], does: "Smaller pictures", act: () => step(-1) });
  return { name: () => chosen, facts: () => DENSITIES[chosen], control, onChange: (listener) => { around = listener; } };
})();
