// What a take was made from: the variables that its shot uses of its row and its matrix, shown with it and as filters.

const PAIRS_SHOWN = 6; // on a card
const FEWEST_VALUES = 2; // for a filter
const MOST_VALUES = 30;
const LONGEST_OPTION = 80;
const OPEN_FILTERS = 6; // more begin folded, and so do all in a narrow window

const pairsOf = (take) => Object.entries(take.variables);
// A prompt that is one cell as a whole stands beside them already.
const shownPairs = (take) => pairsOf(take).filter(([, value]) => value === "" || value.trim() !== promptOf(take));
const pair = (name, value) => el("div", {}, el("dt", { title: name }, name),
  value === "" ? el("dd", { class: "soft" }, "empty") : el("dd", {}, longText(value, "value")));
const allVariables = (take) => {
  const pairs = shownPairs(take);
  return pairs.length ? el("dl", { class: "variables whole" }, pairs.map(([name, value]) => pair(name, value))) : null;
};
const briefVariables = (take) => {
  const pairs = shownPairs(take);
  if (pairs.length === 0) return [];
  const list = el("dl", { class: "variables" }, pairs.map(([name, value]) => pair(name, value)));
  return pairs.length > PAIRS_SHOWN ? foldable(list, "few") : [list];
};

// The variables that have a handful of values, with these in the manifest's order.
const choices = (() => {
  const values = new Map();
  for (const take of report.takes) {
    for (const [name, value] of pairsOf(take)) {
      if (values.has(name)) values.get(name).add(value);
      else values.set(name, new Set([value]));
    }
  }
  const isHandful = (found) => found.size >= FEWEST_VALUES && found.size <= MOST_VALUES && [...found].every((value) => value.length <= LONGEST_OPTION);
  return new Map([...values].filter(([, found]) => isHandful(found)).map(([name, found]) => [name, [...found]]));
})();
// Only what this page offers: a view that was kept may be of an older page.
const offered = (chosen) => Object.fromEntries(Object.entries(chosen).filter(([name, value]) => choices.get(name)?.includes(value)));

const variableFilters = (asked, ask) => {
  const filter = ([name, values]) => {
    const select = el("select", { "data-variable": name }, el("option", { value: "" }, "any"),
      values.map((value, index) => el("option", { value: index }, value === "" ? "(empty)" : value)));
    on(select, "change", () => {
      const others = Object.entries(asked.variables).filter(([other]) => other !== name);
      ask({ variables: Object.fromEntries(select.value === "" ? others : [...others, [name, values[select.value]]]) });
    });
    return { name, values, select, node: el("label", { class: "variable" }, el("span", { title: name }, name), select) };
  };
  const filters = [...choices].map(filter);
  const row = el("div", { id: "variables", role: "group", "aria-label": "Variables" }, filters.map(({ node }) => node));
  const button = on(el("button", { type: "button", class: "fold", "aria-controls": "variables" }), "click", () => ask({ open: row.hidden }));
  const isRoomy = () => filters.length <= OPEN_FILTERS && matchMedia("(min-width: 46rem)").matches;
  const show = () => {
    for (const { name, values, select, node } of filters) {
      const isChosen = Object.hasOwn(asked.variables, name);
      select.value = isChosen ? String(values.indexOf(asked.variables[name])) : "";
      node.classList.toggle("chosen", isChosen);
    }
    const count = Object.keys(asked.variables).length;
    row.hidden = !(asked.open ?? isRoomy());
    button.setAttribute("aria-expanded", String(!row.hidden));
    button.replaceChildren(icon(row.hidden ? "down" : "up"), count ? `Variables (${count})` : "Variables");
  };
  return filters.length ? { button, row, show } : { button: "", row: "", show };
};
