// The cards: a take with its video and facts, a shot with its takes side by side. Each is built once, when first needed.

const shots = [...grouped(report.takes, (take) => take.shot)]
  .map(([id, takes], index) => ({ id, takes, index, shown: takes, node: null, list: null, rest: [] }));
const shotOf = new Map(shots.map((shot) => [shot.id, shot]));
const cards = new Map();

const films = (take) => {
  const outputs = saved(take.outputs);
  if (outputs.length === 0) return [noFilm(take)];
  return outputs.map((output, index) => {
    const label = outputs.length > 1 ? `${take.id}, video ${index + 1} of ${outputs.length}` : take.id;
    return film(output, label, () => viewer.open({ take, output, label }));
  });
};
const attempts = (take) => {
  const earlier = take.runs.filter((run) => run.superseded);
  if (earlier.length === 0) return null;
  const entry = (run) => el("li", { "data-run": run.run_id },
    el("div", { class: "row" }, stateMark(run.state),
      el("span", { class: "facts" }, [`attempt ${run.attempt}`, facts(run)].filter(Boolean).join(" · "))),
    reason(run),
    run.run_id ? item(run.run_id, "the run ID") : null,
    saved(run.outputs).flatMap((output) => {
      const label = `${take.id}, attempt ${run.attempt}`;
      return [film(output, label, () => viewer.open({ take, output, label, run })), item(output.path, "the file name")];
    }),
    canMark(take, run) ? [badges(take, run), pickButtons(take, run)] : null);
  const list = el("ul", { class: "attempts" });
  const details = el("details", {}, el("summary", {}, plural(earlier.length, "earlier attempt", "earlier attempts")), list);
  return on(details, "toggle", () => { if (details.open && !list.hasChildNodes()) list.append(...earlier.map(entry)); });
};
const isAlone = (take) => take.id === take.shot && shotOf.get(take.shot).takes.length === 1;
const takeCard = (take) => {
  const run = liveRun(take);
  const card = el("li", { class: "take", id: `take-${take.id}`, "data-take": take.id },
    films(take), badges(take),
    el("div", { class: "row" }, stateMark(take.state),
      el("span", { class: "facts" }, [isDamaged(take) ? "damaged" : "", facts(run)].filter(Boolean).join(" · "))),
    isAlone(take) ? null : el("p", { class: "name" }, take.id),
    take.in_manifest ? null : el("p", { class: "facts" }, "no longer in the manifest"),
    reason(run),
    canMark(take) ? pickButtons(take) : null,
    el("div", { class: "items" }, saved(take.outputs).map((output) => item(output.path, "the file name")),
      run && run.run_id ? item(run.run_id, "the run ID") : null),
    attempts(take));
  if (canMark(take)) on(card, "keydown", (event) => markByKey(event, take));
  return card;
};
const cardOf = (take) => {
  if (!cards.has(take.id)) cards.set(take.id, takeCard(take));
  return cards.get(take.id);
};
const markByKey = (event, take) => {
  const mark = Object.keys(MARKS).find((name) => MARKS[name].key === event.key);
  if (!mark || !picking() || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  toggleMark(take, mark);
};
markListeners.add((take, run) => {
  const card = cards.get(take.id);
  if (!card || !canMark(take, run)) return;
  for (const judged of run === liveRun(take) ? [card] : card.querySelectorAll(`[data-run="${CSS.escape(run.run_id)}"]`)) {
    showMark(judged, take, run);
    judged.querySelector(".badges").replaceWith(badges(take, run));
  }
});

// Takes of one shot have the same input unless the manifest was edited after some of them were made.
const inputs = (takes) => {
  const groups = grouped(takes, (take) => take.fingerprint);
  return [...groups.values()].flatMap((alike) => [
    groups.size > 1 ? el("p", { class: "whose" }, alike.map((take) => take.id).join(", ")) : null, ...inputOf(alike[0])]);
};
// Until a shot comes near the viewport only its name is in the document: that keeps thousands of shots fast to open.
const shotNode = (shot, takes, extra) => {
  shot.shown = takes;
  if (shot.node === null) {
    const done = shot.takes.filter((take) => take.state === "done").length;
    shot.node = el("section", { class: "shot", "data-shot": shot.id, "aria-labelledby": `shot-${shot.index}` },
      el("div", { class: "row" }, el("h2", { id: `shot-${shot.index}` }, shot.id),
        shot.takes.length > 1 ? el("span", { class: "facts" }, `${done} of ${shot.takes.length} done`) : null));
  }
  shot.node.style.setProperty("--takes", takes.length);
  shot.node.style.setProperty("--extra", extra);
  shot.node.classList.toggle("wide", extra > 0);
  if (isFilled(shot)) shot.list.replaceChildren(...takes.map(cardOf));
  return shot.node;
};
const isFilled = (shot) => shot.list !== null && shot.list.parentNode === shot.node;
const fillShot = (shot) => {
  if (isFilled(shot)) return;
  if (shot.list === null) {
    const tags = [...new Set(shot.takes.flatMap((take) => take.tags))];
    shot.list = el("ul", { class: "takes" });
    shot.rest = [compareButton(shot.takes[0]), el("div", { class: "input" }, inputs(shot.takes)),
      tags.length ? el("ul", { class: "tags", "aria-label": "Tags" }, tags.map((tag) => el("li", {}, tag))) : ""];
  }
  shot.list.replaceChildren(...shot.shown.map(cardOf));
  shot.node.append(shot.list, ...shot.rest);
};
const emptyShot = (shot) => {
  if (!isFilled(shot) || shot.node.contains(document.activeElement)) return;
  for (const video of shot.node.querySelectorAll("video")) unload(video);
  while (shot.node.childNodes.length > 1) shot.node.lastChild.remove();
};
