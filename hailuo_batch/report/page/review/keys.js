// The keys for notes and for comparing, on the sheet, in the full view and in compare.

keymap.add({ keys: ["n"], does: "Note; right after a mark, on the take that was marked", where: ["sheet", "viewer", "compare"], group: "Marking", act: (take) => {
  const { take: before, run } = justMarked.get(take) ?? { take };
  if (compare.isOpen()) compare.note();
  else if (viewer.isOpen() && before === take) viewer.note();
  else noteDialog.open(before, run);
} });
// On an earlier attempt that is open on a card, that attempt.
const attemptAt = ({ target }) => runsById.get(target.closest?.(".attempts [data-run]")?.dataset.run)?.[1] ?? null;
keymap.add({ keys: ["c"], does: "Compare with the other takes, or with earlier attempts", where: ["sheet", "viewer"], group: "Compare", act: (take, event) => {
  if (viewer.isOpen()) viewer.toCompare(take, viewer.run());
  else compare.open(take, attemptAt(event));
} });
keymap.add({ keys: ["a"], does: "Compare the attempts of this take; in compare, back to the takes too", where: ["sheet", "viewer", "compare"], group: "Compare", act: (take, event) => {
  if (compare.isOpen()) compare.otherWay();
  else if (viewer.isOpen()) viewer.toAttempts(take, viewer.run());
  else compare.openAttempts(take, attemptAt(event));
} });
