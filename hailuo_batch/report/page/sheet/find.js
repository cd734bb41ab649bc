// Filters (state, tag, mark, variables, text) and the order. They are kept over a reload. A take that no longer fits after it
// was marked stays until the filters are used again: nothing vanishes under the reader's hand.

const ORDERS = {
  manifest: { word: "Manifest order", of: null },
  name: { word: "By name", of: (take) => take.id, up: true },
  state: { word: "Needs attention first", of: (take) => -STATES.indexOf(take.state), up: true },
  newest: { word: "Newest first", of: (take) => liveRun(take)?.completed_at ?? liveRun(take)?.submitted_at ?? "" },
  longest: { word: "Longest first", of: (take) => seconds(liveRun(take)) ?? -1 },
  dearest: { word: "Most expensive first", of: (take) => liveRun(take)?.cost_micro_usd ?? -1 },
};
// What the filter of marks knows beside the marks themselves.
const MARK_FILTERS = {
  ...Object.fromEntries(Object.entries(MARKS).map(([name, { word }]) => [name, { word, fits: (take) => markOf(take) === name }])),
  unmarked: { word: "Not marked", fits: (take) => markOf(take) === null },
  noted: { word: "With a note", fits: (take) => noteOf(take) !== "" },
  several: { word: "Shots with several choices", fits: (take) => choicesOf(shotOf.get(take.shot)) > 1 },
};
MARK_FILTERS.chosen.fits = hasChoice; // any attempt may be the choice

const find = (() => {
  const EMPTY = { text: "", states: [], tag: "", mark: "", choice: false, variables: {} };
  const USUAL = { ...EMPTY, open: null, order: "manifest", view: "sheet", rows: "", columns: "" };
  const kept = session.read().find;
  const asked = { ...USUAL, ...(kept && typeof kept === "object" ? kept : {}) };
  if (!Object.hasOwn(ORDERS, asked.order)) asked.order = USUAL.order;
  if (!Array.isArray(asked.states)) asked.states = [];
  asked.variables = offered(asked.variables ?? {});

  const isOpenShot = (shot) => !shot.takes.some(hasChoice);
  const filter = () => {
    const words = search.conditions(asked.text);
    const chosen = Object.entries(asked.variables);
    return (take) => (asked.states.length === 0 || asked.states.includes(take.state))
      && (asked.tag === "" || take.tags.includes(asked.tag))
      && (asked.mark === "" || MARK_FILTERS[asked.mark].fits(take))
      && (!asked.choice || isOpenShot(shotOf.get(take.shot)))
      && chosen.every(([name, value]) => Object.hasOwn(take.variables, name) && take.variables[name] === value)
      && words.every((fits) => fits(take));
  };

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
  const text = on(el("input", { type: "search", placeholder: "Search prompts, products, IDs", spellcheck: "false", autocomplete: "off" }),
    "input", () => ask({ text: text.value }));
  const tag = select("tag", [["", "All tags"], ...tags.map((name) => [name, name])]);
  const mark = select("mark", [["", "Any mark"], ...Object.entries(MARK_FILTERS).map(([name, { word }]) => [name, word])]);
  const order = select("order", Object.entries(ORDERS).map(([name, { word }]) => [name, word]));
  const choice = on(el("button", { type: "button", class: "toggle", title: "Only shots no take of which is chosen" }, "Shots without a choice"), "click",
    () => ask({ choice: !asked.choice }));
  choice.setAttribute("aria-keyshortcuts", "w");
  // These buttons vanish when they are pressed: the focus, and with it the keys, go to the current take.
  const vanishing = (words, act) => on(el("button", { type: "button", class: "quiet", hidden: true }, words), "click", () => {
    act();
    current.set(current.take(), { focus: true });
  });
  const clear = vanishing("Clear filters", () => drop());
  const shown = el("p", { class: "shown", role: "status" });

  const left = vanishing("", () => ask({}));
  const showLeft = () => {
    const fits = filter();
    const gone = asked.mark === "" && !asked.choice ? 0 : sheet.view().filter((take) => !fits(take)).length;
    left.hidden = gone === 0;
    left.textContent = `${number(gone)} no longer ${gone === 1 ? "fits" : "fit"}: update`;
  };

  const show = () => {
    const fits = filter();
    const view = ordered(shots.map((shot) => [shot, shot.takes.filter(fits)]).filter(([, takes]) => takes.length));
    const count = view.reduce((sum, [, takes]) => sum + takes.length, 0);
    const used = [asked.text.trim() !== "", asked.states.length > 0, asked.tag !== "", asked.mark !== "", asked.choice, Object.keys(asked.variables).length > 0]
      .filter(Boolean).length;
    shown.textContent = used ? `${number(count)} of ${plural(report.takes.length, "take", "takes")}` : plural(count, "take", "takes");
    shown.classList.toggle("unseen", used === 0); // the head has that number already
    clear.hidden = used === 0;
    left.hidden = true;
    for (const chip of chips) chip.setAttribute("aria-pressed", String(asked.states.includes(chip.dataset.state)));
    choice.setAttribute("aria-pressed", String(asked.choice));
    for (const [control, value] of [[text, asked.text], [tag, asked.tag], [mark, asked.mark], [order, asked.order]]) {
      if (control.value !== value) control.value = value;
    }
    const beside = used - (asked.text.trim() !== "");
    fold.replaceChildren(icon("filter"), beside ? `Filters (${beside})` : "Filters");
    variables.show();
    views.show();
    sheet.show(view);
  };
  const ask = (change) => {
    const lay = () => {
      Object.assign(asked, change);
      show();
      if (change.choice) current.toUnmarked();
    };
    // What a search finds begins at the top, and so does another order of which nothing was looked at yet.
    const isFirst = current.take() === sheet.takes()[0];
    const isFresh = Object.hasOwn(change, "order") && isFirst && change.order !== asked.order;
    if (!Object.hasOwn(change, "text") && !isFresh) {
      sheet.keepInSight(lay);
      return;
    }
    lay();
    if (isFresh && sheet.takes().length) current.set(sheet.takes()[0]);
    if (byId("shots").getBoundingClientRect().top < 0) byId("shots").scrollIntoView(); // the results begin there
  };
  const drop = () => ask({ ...EMPTY });
  const variables = variableFilters(asked, ask);
  const views = matrix.controls(asked, ask);
  // In a narrow window all but the search is behind one button.
  const fold = on(el("button", { type: "button", class: "unfold", "aria-expanded": "false" }), "click", () => {
    const isOpen = byId("tools").classList.toggle("open");
    fold.setAttribute("aria-expanded", String(isOpen));
  });
  let due = 0;
  markListeners.add(() => { clearTimeout(due); due = setTimeout(showLeft, 60); });
  keymap.add({ keys: ["/"], does: "Search", act: () => { text.focus(); text.select(); } });
  keymap.add({ keys: ["w"], does: "Only shots without a choice, or all", act: () => choice.click() });
  const toPictures = () => {
    if (current.take()) current.set(current.take(), { focus: true });
    else document.activeElement.blur();
  };
  on(text, "keydown", (event) => {
    const { key, isComposing } = event;
    if (isComposing || !["Enter", "Escape"].includes(key)) return;
    event.preventDefault();
    const [first] = sheet.takes();
    if (key === "Escape" && text.value !== "") {
      text.value = "";
      ask({ text: "" });
    } else if (key === "Escape") toPictures();
    else if (first) current.set(first, { focus: true });
  });

  // After a choice the keys are about the pictures again. A list that is closed keeps the arrows and letters, to try one
  // choice after the other; Enter, or Escape, ends that.
  let isTrying = false;
  on(byId("tools"), "pointerdown", () => { isTrying = false; });
  on(byId("tools"), "keydown", (event) => {
    if (!event.target.matches("select")) return;
    const isDone = event.key === "Escape" || (event.key === "Enter" && isTrying);
    isTrying = !["Enter", " ", "Escape", "F4"].includes(event.key) && !event.altKey;
    if (!isDone) return;
    event.preventDefault();
    toPictures();
  });
  on(byId("tools"), "change", ({ target }) => { if (target.matches("select") && !isTrying) toPictures(); });

  const start = () => {
    if (tags.length === 0 || (asked.tag !== "" && !tags.includes(asked.tag))) asked.tag = "";
    if (!Object.hasOwn(MARK_FILTERS, asked.mark)) asked.mark = "";
    asked.states = asked.states.filter((state) => report.totals[state] > 0);
    asked.text = String(asked.text);
    asked.choice = asked.choice === true;
    byId("tools").append(field("Search", text), fold, el("div", { class: "rest" },
      field("Mark", mark), choice, tags.length ? field("Tag", tag) : "", field("Order", order), variables.button, variables.row, views.node,
      density.control, views.axes), el("div", { class: "result" }, shown, clear, left));
    byId("tools").hidden = report.takes.length === 0;
    show();
  };
  const states = el("div", { class: "legend", role: "group", "aria-label": "Show only these states", hidden: chips.length < 2 }, chips);
  return { start, states, clear: drop, asked: () => asked };
})();
