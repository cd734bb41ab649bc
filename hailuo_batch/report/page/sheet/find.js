// Filters (state, tag, mark, variables, text) and the order. They are kept over a reload.

const ORDERS = {
  manifest: { word: "Manifest order", of: null },
  name: { word: "By name", of: (take) => take.id, up: true },
  state: { word: "Needs attention first", of: (take) => -STATES.indexOf(take.state), up: true },
  newest: { word: "Newest first", of: (take) => liveRun(take)?.completed_at ?? liveRun(take)?.submitted_at ?? "" },
  longest: { word: "Longest first", of: (take) => seconds(liveRun(take)) ?? -1 },
  dearest: { word: "Most expensive first", of: (take) => liveRun(take)?.cost_micro_usd ?? -1 },
};
const UNMARKED = "unmarked";

const find = (() => {
  const EMPTY = { text: "", states: [], tag: "", mark: "", variables: {}, open: null, order: "manifest" };
  const kept = session.read().find;
  const asked = { ...EMPTY, ...(kept && typeof kept === "object" ? kept : {}) };
  if (!Object.hasOwn(ORDERS, asked.order)) asked.order = EMPTY.order;
  if (!Array.isArray(asked.states)) asked.states = [];
  asked.variables = offered(asked.variables ?? {});

  const haystacks = new Map();
  const haystack = (take) => {
    if (!haystacks.has(take)) {
      const runs = take.runs.flatMap((run) => [run.run_id, run.error,
        ...saved(run.outputs).map(({ path, flaw }) => (flaw ? `${path} damaged: ${flaw}` : path))]);
      haystacks.set(take, [take.id, promptOf(take), take.model, ...take.tags, ...Object.values(take.variables), ...runs].join("\n").toLowerCase());
    }
    return haystacks.get(take);
  };
  const fits = (take, words, chosen) => (asked.states.length === 0 || asked.states.includes(take.state))
    && (asked.tag === "" || take.tags.includes(asked.tag))
    && (asked.mark === "" || (markOf(take) ?? UNMARKED) === asked.mark)
    && chosen.every(([name, value]) => Object.hasOwn(take.variables, name) && take.variables[name] === value)
    && words.every((word) => haystack(take).includes(word) || take.runs.some((run) => noteOf(take, run).toLowerCase().includes(word)));

  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const ordered = (view) => {
    const { of, up } = ORDERS[asked.order];
    if (of === null) return view;
    const way = up ? 1 : -1;
    const sorted = view.map(([shot, takes]) => {
      const pairs = takes.map((take) => [of(take), take]).sort(([a], [b]) => way * compare(a, b));
      return [pairs[0][0], [shot, pairs.map(([, take]) => take)]];
    });
    return sorted.sort(([a], [b]) => way * compare(a, b)).map(([, entry]) => entry);
  };

  const chips = STATES.filter((state) => report.totals[state] > 0).map((state) => {
    const chip = el("button", { type: "button", class: `chip state t-${state}`, "data-state": state },
      el("b", {}, number(report.totals[state])), ` ${WORDS[state].toLowerCase()}`);
    return on(chip, "click", () => {
      const states = asked.states.includes(state) ? asked.states.filter((other) => other !== state) : [...asked.states, state];
      ask({ states });
    });
  });
  const field = (name, control) => el("label", { class: `field ${name.toLowerCase()}` }, el("span", { class: "unseen" }, name), control);
  const select = (key, options) => on(el("select", { "data-ask": key },
    options.map(([value, word]) => el("option", { value }, word))), "change", ({ target }) => ask({ [key]: target.value }));
  const tags = [...new Set(report.takes.flatMap((take) => take.tags))].sort();
  const text = on(el("input", { type: "search", placeholder: "Search prompts, takes, runs", spellcheck: "false", autocomplete: "off" }),
    "input", () => ask({ text: text.value }));
  const tag = select("tag", [["", "All tags"], ...tags.map((name) => [name, name])]);
  const mark = select("mark", [["", "Any mark"], ...Object.entries(MARKS).map(([name, { word }]) => [name, word]), [UNMARKED, "Not marked"]]);
  const order = select("order", Object.entries(ORDERS).map(([name, { word }]) => [name, word]));
  const clear = on(el("button", { type: "button", class: "quiet", hidden: true }, "Clear filters"), "click", () => { drop(); text.focus(); });
  const shown = el("p", { class: "shown", role: "status" });

  const show = () => {
    const words = asked.text.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = Object.entries(asked.variables);
    const view = ordered(shots.map((shot) => [shot, shot.takes.filter((take) => fits(take, words, chosen))]).filter(([, takes]) => takes.length));
    const count = view.reduce((sum, [, takes]) => sum + takes.length, 0);
    const filtered = words.length > 0 || asked.states.length > 0 || asked.tag !== "" || asked.mark !== "" || chosen.length > 0;
    shown.textContent = filtered ? `${number(count)} of ${plural(report.takes.length, "take", "takes")}` : plural(count, "take", "takes");
    clear.hidden = !filtered;
    for (const chip of chips) chip.setAttribute("aria-pressed", String(asked.states.includes(chip.dataset.state)));
    for (const [control, value] of [[text, asked.text], [tag, asked.tag], [mark, asked.mark], [order, asked.order]]) {
      if (control.value !== value) control.value = value;
    }
    variables.show();
    sheet.show(view);
  };
  const ask = (change) => {
    Object.assign(asked, change);
    show();
    if (byId("shots").getBoundingClientRect().top < 0) byId("shots").scrollIntoView(); // the results begin there
  };
  const drop = () => ask({ ...EMPTY, order: asked.order, open: asked.open });
  const variables = variableFilters(asked, ask);

  const start = () => {
    if (tags.length === 0 || (asked.tag !== "" && !tags.includes(asked.tag))) asked.tag = "";
    if (asked.mark !== UNMARKED && !Object.hasOwn(MARKS, asked.mark)) asked.mark = "";
    asked.states = asked.states.filter((state) => report.totals[state] > 0);
    asked.text = String(asked.text);
    byId("tools").append(field("Search", text), tags.length ? field("Tag", tag) : "", field("Mark", mark), field("Order", order),
      variables.button, pickSwitch, variables.row, el("div", { class: "result" }, shown, clear));
    byId("tools").hidden = report.takes.length === 0;
    show();
  };
  const states = el("div", { class: "legend", role: "group", "aria-label": "Show only these states", hidden: chips.length < 2 }, chips);
  return { start, states, clear: drop, asked: () => asked };
})();
