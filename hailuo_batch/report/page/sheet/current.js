// The current take: the one that the keyboard is about. It is the sheet's only tab stop; the arrow keys move it, a mark
// sends it on to the next take without one, and where the reader scrolls it comes along.

const current = (() => {
  const room = byId("shots");
  const listeners = new Set();
  let take = null;
  let left = null; // the one before the filters left none

  const reach = (one, are) => {
    const parts = [cards.get(one.id), ...(isSmall() ? [] : shotOf.get(one.shot).rest)];
    for (const part of parts) if (part && part !== "") setStops(part, are);
    const card = cards.get(one.id);
    if (are) card?.setAttribute("aria-current", "true");
    else card?.removeAttribute("aria-current");
  };
  const built = (one) => { if (one === take) reach(one, true); };
  const show = (one) => {
    const card = sheet.cardAt(one);
    if (matrix.isOn()) matrix.box.scrollIntoView({ block: "nearest" });
    card.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (!sheet.isInSight(card)) card.scrollIntoView({ block: "center", inline: "nearest" });
  };
  // Makes a take the current one. With `focus` it also gets the focus, and is brought into sight.
  const set = (next, { focus = false } = {}) => {
    if (next !== take) {
      if (take) reach(take, false);
      take = next;
      if (take) reach(take, true);
      for (const listener of listeners) listener();
    }
    if (!take || !focus) return;
    const card = sheet.reveal(take);
    card.querySelector(".screen").focus({ preventScroll: true });
    show(take);
  };
  // After the sheet was laid again: a take that is not on it any more cannot be the current one. `heir` is the one to follow it.
  const laid = (hadFocus, heir) => {
    if (take === null || sheet.placeOf(take) < 0) {
      const isBack = take === null && left !== null && sheet.placeOf(left) >= 0;
      left = take ?? left;
      set(isBack ? left : heir);
    }
    if (take && hadFocus) sheet.cardAt(take).querySelector(".screen").focus({ preventScroll: true });
  };
  const scrolled = () => {
    if (!take || sheet.isInSight(cards.get(take.id)) || document.querySelector("dialog[open]")) return;
    const first = sheet.firstInSight();
    if (!first) return;
    const hasFocus = room.contains(document.activeElement);
    set(first);
    if (hasFocus) cards.get(first.id).querySelector(".screen").focus({ preventScroll: true });
  };

  const move = (by) => {
    const order = sheet.takes();
    const next = order[Math.min(Math.max(sheet.placeOf(take) + by, 0), order.length - 1)];
    if (next) set(next, { focus: true });
  };
  // Up and down go by what is seen: to the nearest picture of the row above or below.
  const rectOf = (one) => sheet.cardAt(one).querySelector(".screen").getBoundingClientRect();
  const moveRow = (by) => {
    const order = sheet.takes();
    const from = rectOf(take);
    const middle = from.left + from.width / 2;
    let row = null;
    let best = null;
    for (let place = sheet.placeOf(take) + by; place >= 0 && place < order.length; place += by) {
      const rect = rectOf(order[place]);
      if (row === null && (by > 0 ? rect.top < from.bottom - 1 : rect.bottom > from.top + 1)) continue;
      row ??= rect;
      if (Math.abs(rect.top - row.top) > row.height / 2) break;
      const off = Math.abs(rect.left + rect.width / 2 - middle);
      if (best === null || off < best.off) best = { take: order[place], off };
    }
    if (best) set(best.take, { focus: true });
  };
  // A take that is judged already is none to begin with: the next key would overwrite its mark.
  const toUnmarked = () => {
    const first = take && canMark(take) && markOf(take) === null ? null : nextUnmarked(sheet.takes(), -1);
    if (!first) return;
    const hadFocus = room.contains(document.activeElement);
    set(first);
    if (hadFocus) sheet.cardAt(first).querySelector(".screen").focus({ preventScroll: true });
  };
  const advance = () => {
    const next = nextUnmarked(sheet.takes(), sheet.placeOf(take));
    if (next) set(next, { focus: true });
    else say(find.asked().choice ? "Every shot on the sheet has a choice" : "Every take on the sheet has a mark");
  };

  on(room, "focusin", ({ target }) => {
    const id = target.closest(".take")?.dataset.take;
    if (id !== undefined) set(takeById.get(id));
  });
  on(room, "pointerdown", ({ target }) => {
    const id = target.closest(".take")?.dataset.take;
    if (id !== undefined) set(takeById.get(id));
  });
  // A take that the filters hide stays hidden.
  const undone = (one) => { if (sheet.placeOf(one) >= 0) set(one, { focus: true }); };
  keymap.addPlace("sheet", { take: () => take, marked: advance, undone });
  return { take: () => take, set, show, built, laid, scrolled, toUnmarked, move, moveRow, listeners };
})();

// The next take that can be marked and is not, from a place in a list on and then from its beginning. Among the shots
// without a choice, one that has got its choice is done.
const nextUnmarked = (takes, from) => {
  const isOpen = (take) => canMark(take) && markOf(take) === null && !(find.asked().choice && shotOf.get(take.shot).takes.some(hasChoice));
  return takes.slice(from + 1).find(isOpen) ?? takes.slice(0, from + 1).find(isOpen) ?? null;
};

const MARK_WORDS = { chosen: "Choose", rejected: "Reject", reroll: "Mark for a re-roll" };
// Nothing is marked that cannot be seen: where the current take was scrolled away, the key brings it back first.
const canSee = (take) => {
  if (document.querySelector("dialog[open]") || sheet.isInSight(sheet.cardAt(take))) return true;
  current.set(take, { focus: true });
  say(`${take.id} was out of sight; press the key again to mark it`);
  return false;
};
const markByKey = (mark) => (take, event, place) => {
  if (!take || !canSee(take)) return;
  const run = place.run?.() ?? shownRun(take);
  if (!canMark(take, run)) {
    say(`${take.id} has no video to mark`);
    return;
  }
  if (mark !== null && !marksFor(take, run).includes(mark)) {
    say("Only the latest video of a take can be made again");
    return;
  }
  markAll([[take, mark, run]]);
  sayMark(take, run);
  if (mark === null) return;
  place.marked?.(take);
  justMarked.set(take, run, place.take());
};
const marking = { where: ["sheet", "viewer", "compare"], group: "Marking" };
for (const [mark, { keys }] of Object.entries(MARKS)) {
  keymap.add({ keys, does: `${MARK_WORDS[mark]}, and go to the next take without a mark`, act: markByKey(mark), ...marking });
}
keymap.add({ keys: ["u"], does: "Remove the mark", act: markByKey(null), ...marking });
keymap.add({ keys: ["z", "Ctrl+z"], does: "Take the last mark back, and return to it", ...marking, act: (_, event, place) => {
  const changes = undoMarks();
  if (changes.length === 0) say("There is no mark to take back");
  else if (changes.length > 1) say(`${number(changes.length)} marks are as they were before`);
  else {
    const [{ take, run, before }] = changes;
    place.undone(take, run);
    say(`${markedName(take, run)}: ${before === null ? "mark removed" : `${MARKS[before].word.toLowerCase()} again`}`);
  }
} });

const isElsewhere = ({ target }) => target.closest("#head, #attention, pre") !== null; // what scrolls there has the arrow keys
const STEPS = {
  ArrowLeft: () => current.move(-1), ArrowRight: () => current.move(1), ArrowUp: () => current.moveRow(-1), ArrowDown: () => current.moveRow(1),
};
const walk = (take, event) => (take && !isElsewhere(event) ? STEPS[event.key]() : false);
const walking = { group: "Moving", act: walk, repeats: true };
keymap.add({ keys: ["ArrowLeft", "ArrowRight"], does: "Previous and next take", ...walking });
keymap.add({ keys: ["ArrowUp", "ArrowDown"], does: "Take above and below", ...walking });
keymap.add({ keys: ["Home", "End", "PageUp", "PageDown"], does: "Scroll; the current take comes along", group: "Moving" });
keymap.add({ keys: ["Tab"], does: "Leave the pictures", group: "Moving" });
keymap.add({ keys: ["Enter", " "], does: "Full view", act: (take, event) => {
  const [output] = take ? shownOutputs(take) : [];
  if (isElsewhere(event)) return false;
  if (output) viewer.open(entryOf(take, output));
  else if (take) say(`${take.id} has no video yet`);
  return true;
} });
