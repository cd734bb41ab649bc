// The cards: a take with its video and facts, as large as the reader wants it. Each is built once for a size, when first
// needed. Of the controls inside, only those of the current take are tab stops: the sheet is one stop for the keyboard.

const cards = new Map();
const isSmall = () => density.name() === "S" || matrix.isOn();
const STOPS = "a[href], button, summary, .screen";
const setStops = (node, are) => { for (const stop of node.querySelectorAll(STOPS)) stop.tabIndex = are ? 0 : -1; };

const nothingYet = (take) => {
  const screen = isSmall() ? el("div", { class: "screen" }, stateMark(take.state)) : noFilm(take);
  for (const [name, value] of [["role", "group"], ["aria-label", `${take.id}: ${WORDS[take.state].toLowerCase()}`]]) screen.setAttribute(name, value);
  return screen;
};
// What the full view shows of a take on the sheet.
const entryOf = (take, output, label = take.id) => ({ take, output, label, ...(isStandIn(take) ? { run: shownRun(take) } : {}) });
const films = (take) => {
  const outputs = shownOutputs(take);
  if (outputs.length === 0) return [nothingYet(take)];
  return outputs.slice(0, isSmall() ? 1 : outputs.length).map((output, index) => {
    const label = outputs.length > 1 ? `${take.id}, video ${index + 1} of ${outputs.length}` : take.id;
    return film(output, label, () => viewer.open(entryOf(take, output, label)));
  });
};
const filmsOf = (take, run) => saved(run.outputs).map((output) => {
  const label = `${take.id}, attempt ${run.attempt}`;
  return film(output, label, () => viewer.open({ take, output, label, run }));
});
// The note as a text that can be read on the card, as long as it is not small.
const jotting = (take, run = shownRun(take)) => {
  const note = isSmall() ? "" : noteOf(take, run);
  return note === "" ? null : el("p", { class: "jot", dir: "auto", title: note }, note);
};
// Words for each attempt that is the choice, beside the one that is shown.
const otherChoices = (take, shown) => take.runs.filter((run) => run !== shown && markOf(take, run) === "chosen").map((run) =>
  el("span", { class: "other m-chosen" }, icon("tick"), `Attempt ${run.attempt}`, el("span", { class: "word" }, "\u00a0is chosen")));
// What the picture of a take does not tell: that another attempt is the choice, that a re-roll came to
// nothing, and where the shot has no line of its own, that it has several choices.
const aside = (take) => {
  const others = otherChoices(take, shownRun(take));
  const count = isSmall() && hasChoice(take) ? choicesOf(shotOf.get(take.shot)) : 0;
  if (!isStandIn(take) && others.length === 0 && count < 2) return null;
  return el("p", { class: "aside" },
    isStandIn(take) ? el("span", { class: `state t-${take.state}`, title: `${rerollState(take)}; ${STANDS_IN}` }, rerollState(take)) : "",
    others,
    count > 1 ? el("span", { class: "several" }, `${number(count)} chosen`) : "");
};
const attempts = (take) => {
  const earlier = take.runs.filter((run) => run.superseded && run !== shownRun(take));
  if (earlier.length === 0) return null;
  const entry = (run) => el("li", { "data-run": run.run_id },
    el("div", { class: "row" }, stateMark(run.state),
      el("span", { class: "facts" }, [`attempt ${run.attempt}`, facts(run)].filter(Boolean).join(" · "))),
    reason(run),
    run.run_id ? item(run.run_id, "the run ID") : null,
    canMark(take, run) ? [el("div", { class: "framed" }, filmsOf(take, run), badges(take, run)), pickButtons(take, run), jotting(take, run)] : null,
    saved(run.outputs).map((output) => item(output.path, "the file name")));
  const list = el("ul", { class: "attempts" });
  const details = el("details", {}, el("summary", {}, plural(earlier.length, "earlier attempt", "earlier attempts")), list);
  return on(details, "toggle", () => { if (details.open && !list.hasChildNodes()) list.append(...earlier.map(entry)); });
};
const isAlone = (take) => take.id === take.shot && shotOf.get(take.shot).takes.length === 1;
// Where an ID is too long for its place, its beginning is cut, never what tells the takes of a shot apart.
const shortName = (take) => {
  const [head, tail] = take.id.startsWith(`${take.shot}.`) ? [take.shot, take.id.slice(take.shot.length)] : [take.id, ""];
  return el("p", { class: "name", title: take.id }, el("span", { class: "stem" }, head), tail);
};
const clipFacts = ({ length_s: length, width, height }) => [
  typeof length === "number" ? `${Number(length.toFixed(1))} s` : "", width && height ? `${width} × ${height}` : ""].filter(Boolean);
const clip = (output) => clipFacts(output).join(" · ");
const flag = (take) => (isDamaged(take) ? "damaged" : take.in_manifest ? "" : "no longer in the manifest");

// Those for which there is no room are left out whole.
const mediumFacts = (take) => {
  const [output] = shownOutputs(take);
  const known = output ? clipFacts(output) : [];
  return [flag(take), ...(known.length ? known : [price(liveRun(take))])].filter(Boolean);
};
const smallCard = (take) => [...films(take), badges(take), aside(take), shortName(take)];
const mediumCard = (take) => [...films(take), badges(take), aside(take),
  shortName(take),
  el("div", { class: "under" }, el("span", { class: "facts whole-facts" }, mediumFacts(take).map((fact) => el("span", {}, fact))),
    canMark(take) ? pickButtons(take) : stateMark(take.state)),
  askedFor(take), jotting(take), isStandIn(take) ? el("p", { class: "standing" }, takeMark(take)) : null, reason(liveRun(take)), attempts(take)];
const largeCard = (take) => {
  const run = liveRun(take);
  const outputs = shownOutputs(take);
  const shown = shownRun(take);
  return [...films(take), badges(take), aside(take),
    el("div", { class: "row" }, isAlone(take) ? takeMark(take) : el("p", { class: "name" }, take.id),
      el("span", { class: "facts" }, [isDamaged(take) ? "damaged" : "", ...outputs.slice(0, 1).map(clip), price(run)].filter(Boolean).join(" · "))),
    isAlone(take) || take.state === "done" ? null : el("p", {}, takeMark(take)),
    take.in_manifest ? null : el("p", { class: "facts" }, "no longer in the manifest"),
    askedFor(take), reason(run),
    canMark(take) ? pickButtons(take) : null, jotting(take),
    el("div", { class: "items" }, outputs.map((output) => item(output.path, "the file name")),
      shown?.run_id ? item(shown.run_id, "the run ID") : null),
    attempts(take)];
};
const takeCard = (take) => {
  const parts = isSmall() ? smallCard(take) : density.name() === "M" ? mediumCard(take) : largeCard(take);
  const card = el("li", { class: "take", id: `take-${take.id}`, "data-take": take.id }, ...parts);
  setStops(card, false);
  return card;
};
const cardOf = (take) => {
  if (!cards.has(take.id)) {
    cards.set(take.id, takeCard(take));
    current.built(take);
  }
  return cards.get(take.id);
};
markListeners.add((take, run) => {
  const card = cards.get(take.id);
  if (!card || !canMark(take, run)) return;
  for (const judged of run === shownRun(take) ? [card] : card.querySelectorAll(`[data-run="${CSS.escape(run.run_id)}"]:not(.picks)`)) {
    showMark(judged, take, run);
    judged.querySelector(".badges").replaceWith(badges(take, run));
    judged.querySelector(":scope > .jot")?.remove();
    judged.querySelector(":scope > :is(.under, .picks)")?.after(jotting(take, run) ?? "");
  }
});
markListeners.add(({ shot: id }) => {
  const shot = shotOf.get(id);
  showChoices(shot);
  for (const card of shot.takes.map(({ id: name }) => cards.get(name)).filter(Boolean)) {
    card.querySelector(":scope > .aside")?.remove();
    card.querySelector(":scope > .badges").after(aside(takeById.get(card.dataset.take)) ?? "");
  }
});

// A small card has its buttons only while the pointer is on it, over its picture.
const hovered = (() => {
  const room = byId("shots");
  const listeners = new Set();
  let take = null;
  let tools = null;
  const button = (text, what, name) => on(el("button", { type: "button", "aria-label": `Copy ${what} ${text}`, title: `Copy ${what} ${text}`, tabindex: "-1" },
    icon(name)), "click", () => copy(text, what, cards.get(take.id).querySelector(".name")));
  const toolsOf = (one) => {
    const run = shownRun(one);
    return el("div", { class: "over" }, canMark(one) ? pickButtons(one) : null,
      shownOutputs(one).slice(0, 1).map((output) => button(output.path, "the file name", "copy")),
      run?.run_id ? button(run.run_id, "the run ID", "hash") : null);
  };
  const point = (next) => {
    if (next === take) return;
    tools?.remove();
    tools = null;
    take = next;
    if (take && isSmall()) {
      tools = toolsOf(take);
      setStops(tools, false);
      cards.get(take.id).append(tools);
    }
    for (const listener of listeners) listener();
  };
  on(room, "pointerover", ({ target, pointerType }) => {
    if (pointerType === "touch") return;
    const id = target.closest(".take")?.dataset.take;
    point(id === undefined ? null : takeById.get(id));
  });
  on(room, "pointerleave", () => point(null));
  return { take: () => take, listeners };
})();
