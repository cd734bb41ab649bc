// The reader's marks. A mark belongs to one run, so a take that is made again starts unmarked.

const MARKS = {
  chosen: { word: "Chosen", verb: "Choose", icon: "tick", key: "1" },
  rejected: { word: "Rejected", verb: "Reject", icon: "cross", key: "2" },
  reroll: { word: "Re-roll", verb: "Re-roll", icon: "again", key: "3" },
};
const marks = keptValue(() => localStorage, "marks");
const markListeners = new Set(); // each is called with a take whose mark changed

const canMark = (take) => take.state === "done";
let markedNow = marks.read();
const markOf = (take) => {
  const kept = markedNow[take.id];
  return canMark(take) && Array.isArray(kept) && kept[1] === liveRun(take)?.run_id && Object.hasOwn(MARKS, kept[0]) ? kept[0] : null;
};
const setMark = (take, mark) => {
  markedNow = marks.read(); // another tab may have changed the marks
  if (mark === null) delete markedNow[take.id];
  else markedNow[take.id] = [mark, liveRun(take)?.run_id ?? null];
  marks.write(markedNow);
  for (const listener of markListeners) listener(take);
};
const toggleMark = (take, mark) => {
  setMark(take, markOf(take) === mark ? null : mark);
  const now = markOf(take);
  announce(now === null ? `${take.id}: mark removed` : `${take.id}: ${MARKS[now].word.toLowerCase()}`);
};
const clearMarks = () => {
  markedNow = {};
  marks.write({});
  for (const take of report.takes) for (const listener of markListeners) listener(take);
};
const marked = (mark) => report.takes.filter((take) => markOf(take) === mark);
addEventListener("storage", ({ key }) => {
  if (key !== marks.key) return;
  markedNow = marks.read();
  for (const take of report.takes) for (const listener of markListeners) listener(take);
});

// The same quoting as Python's shlex.quote.
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);
const rerolled = (option) => marked("reroll").filter((take) => take.in_manifest)
  .map((take) => `${option} ${quoted(take.id)}`).join(" ");
const replaceArguments = () => rerolled("--replace");
const onlyArguments = () => rerolled("--only"); // without it the command would also pay for every other take that is not done
const choice = () => {
  const entry = (take) => ({ take: take.id, shot: take.shot, run_id: liveRun(take).run_id,
    files: saved(take.outputs).map(({ path, sha256 }) => ({ path, sha256 })) });
  return { version: 1, campaign: report.campaign, endpoint: report.endpoint, report_generated_at: report.generated_at,
    chosen: marked("chosen").map(entry), rejected: marked("rejected").map(entry), reroll: marked("reroll").map(entry) };
};

const pickButtons = (take) => {
  const group = el("div", { class: "picks", role: "group", "aria-label": `Mark ${take.id}` });
  for (const [mark, { verb, icon: name, key }] of Object.entries(MARKS)) {
    const attributes = { type: "button", class: `pick m-${mark}`, "data-mark": mark, "aria-keyshortcuts": key };
    group.append(on(el("button", attributes, icon(name), verb), "click", () => toggleMark(take, mark)));
  }
  showMark(group, take);
  return group;
};
const showMark = (parent, take) => {
  for (const button of parent.querySelectorAll("[data-mark]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mark === markOf(take)));
  }
};
