// The reader's picks: a mark and a note for each run that was seen. Nothing here speaks for another run, so a take that is
// made again starts without either, and its earlier attempt keeps what it had.

const MARKS = {
  chosen: { word: "Chosen", verb: "Choose", icon: "tick", key: "1", keys: ["1", "p"] },
  rejected: { word: "Rejected", verb: "Reject", icon: "cross", key: "2", keys: ["2", "x"] },
  reroll: { word: "Re-roll", verb: "Re-roll", icon: "again", key: "3", keys: ["3", "r"] },
};
const LONGEST_NOTE = 10_000;
const marks = keptRecords(() => localStorage, "picks"); // by run ID: { take, mark, note }
const markListeners = new Set(); // each is called with a take and the one of its runs whose mark or note changed

const isLive = (take, run) => run !== null && run === liveRun(take);
// Only a video can be judged; a run that has none yet, or whose file is not here, has nothing to see.
const canMark = (take, run = shownRun(take)) => Boolean(run?.run_id) && saved(run.outputs).length > 0;
// Another video is made in the place of the live one: that cannot be asked of an earlier attempt.
const marksFor = (take, run = shownRun(take)) => Object.keys(MARKS).filter((mark) => mark !== "reroll" || isLive(take, run));

const markOf = (take, run = shownRun(take)) => {
  if (!canMark(take, run)) return null;
  const mark = marks.read(run.run_id)?.mark;
  return typeof mark === "string" && Object.hasOwn(MARKS, mark) ? mark : null;
};
const noteOf = (take, run = shownRun(take)) => {
  if (!canMark(take, run)) return "";
  const note = marks.read(run.run_id)?.note;
  return typeof note === "string" ? note.slice(0, LONGEST_NOTE) : "";
};
// Any attempt may be the one that was chosen.
const hasChoice = (take) => take.runs.some((run) => markOf(take, run) === "chosen");
const marked = (mark) => report.takes.filter((take) => markOf(take) === mark);

const changePick = (take, run, change) => {
  if (!canMark(take, run)) return;
  marks.write(run.run_id, (before) => {
    const after = { ...before, take: take.id, ...change };
    return after.mark || after.note ? after : null;
  });
  for (const listener of markListeners) listener(take, run);
};
const setMark = (take, mark, run = shownRun(take)) => {
  if (mark === null || marksFor(take, run).includes(mark)) changePick(take, run, { mark });
};
const setNote = (take, text, run = shownRun(take)) => changePick(take, run, { note: text.trim() === "" ? "" : text.slice(0, LONGEST_NOTE) });
// The run that the last key marked, until another key or the pointer does something: a note that is begun right after a mark
// is about that run, although the next take is the current one by then.
const justMarked = (() => {
  const SILENT = ["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock"];
  let last = null; // what the key before marked
  let next = null; // what this key marks
  addEventListener("keydown", ({ key, repeat }) => {
    if (repeat || SILENT.includes(key)) return;
    last = next;
    next = null;
  }, { capture: true });
  for (const type of ["pointerdown", "wheel", "touchmove"]) addEventListener(type, () => { last = next = null; }, { capture: true, passive: true });
  // `follower` is the take that became the current one after it.
  const set = (take, run, follower) => { next = { take, run, follower }; };
  const get = (now) => (last?.follower === now ? last : null);
  return { set, get };
})();
// What was marked since the page was opened, the newest last, each with the mark that was there before: the way back from a slip.
const undoable = [];
const markAll = (wanted) => {
  const changes = wanted.map(([take, mark, run]) => ({ take, run, before: markOf(take, run), mark })).filter(({ before, mark }) => before !== mark);
  if (changes.length) undoable.push(changes);
  for (const { take, run, mark } of changes) setMark(take, mark, run);
};
// Takes back the last that is still as it was marked: what another tab has changed since stays. Gives what was taken back.
// An attempt that was made again has its re-roll back, too, which nobody could ask of it any more.
const undoMarks = () => {
  while (undoable.length) {
    const changes = undoable.pop().filter(({ take, run, mark }) => markOf(take, run) === mark);
    for (const { take, run, before } of changes) changePick(take, run, { mark: before });
    if (changes.length) return changes;
  }
  return [];
};
const markedName = (take, run) => (run === shownRun(take) ? take.id : `${take.id}, attempt ${run.attempt}`);
const sayMark = (take, run) => {
  const now = markOf(take, run);
  announce(`${markedName(take, run)}: ${now === null ? "mark removed" : MARKS[now].word.toLowerCase()}`);
};
const toggleMark = (take, mark, run = shownRun(take)) => {
  if (!marksFor(take, run).includes(mark)) { say("Only the latest video of a take can be made again."); return; }
  markAll([[take, markOf(take, run) === mark ? null : mark, run]]);
  sayMark(take, run);
};

const markable = () => report.takes.flatMap((take) => take.runs.filter((run) => canMark(take, run)).map((run) => [take, run]));
const clearMarks = () => markAll(markable().map(([take, run]) => [take, null, run]));
const runsById = new Map(report.takes.flatMap((take) => take.runs.filter((run) => run.run_id).map((run) => [run.run_id, [take, run]])));
marks.onChange((id) => {
  const changed = id === null ? markable() : [runsById.get(id) ?? []];
  for (const [take, run] of changed) if (take) for (const listener of markListeners) listener(take, run);
});

// Marks as they were kept before: by take, as [mark, run ID].
const moveOldMarks = () => {
  const old = keptValue(() => localStorage, "marks");
  for (const kept of Object.values(old.read())) {
    const [take, run] = Array.isArray(kept) ? runsById.get(kept[1]) ?? [] : [];
    if (take && marks.read(run.run_id) === null && Object.hasOwn(MARKS, kept[0])) changePick(take, run, { mark: kept[0] });
  }
  if (marks.isKept()) old.remove();
};
moveOldMarks();

const pickButtons = (take, run = shownRun(take)) => {
  const group = el("div", { class: "picks", role: "group", "aria-label": `Mark ${take.id}`, "data-run": run.run_id });
  for (const mark of marksFor(take, run)) {
    const { verb, icon: name, key } = MARKS[mark];
    const attributes = { type: "button", class: `pick m-${mark}`, "data-mark": mark, "aria-keyshortcuts": key };
    group.append(on(el("button", attributes, icon(name), verb), "click", () => toggleMark(take, mark, run)));
  }
  showMark(group, take, run);
  return group;
};
const showMark = (parent, take, run = shownRun(take)) => {
  for (const button of parent.querySelectorAll("[data-mark]")) {
    if (button.closest(".picks").dataset.run !== run?.run_id) continue;
    button.setAttribute("aria-pressed", String(button.dataset.mark === markOf(take, run)));
  }
};
const markBadge = (take, run = shownRun(take)) => {
  const mark = markOf(take, run);
  return mark === null ? "" : el("span", { class: `badge m-${mark}` }, icon(MARKS[mark].icon), el("span", { class: "word" }, MARKS[mark].word));
};
