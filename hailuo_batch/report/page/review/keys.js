// The keys that judge: the same in the full view and in compare. After a mark in the full view the next take without one follows.

for (const [mark, { verb, keys }] of Object.entries(MARKS)) {
  keymap.add({ keys, does: `${verb}, or take that back`, where: ["viewer", "compare"], group: "Marks", act: (take) => {
    if (compare.isOpen()) toggleMark(take, mark, compare.current().run);
    else viewer.judge(mark);
  } });
}
keymap.add({ keys: ["u"], does: "No mark", where: ["viewer", "compare"], group: "Marks", act: (take) => {
  setMark(take, null, compare.isOpen() ? compare.current().run : viewer.run());
  announce(`${take.id}: no mark`);
} });
keymap.add({ keys: ["n"], does: "A note", where: ["viewer", "compare"], group: "Marks", act: () => (compare.isOpen() ? compare : viewer).note() });
keymap.add({ keys: ["n"], does: "A note on the take", group: "Marks", act: (take) => noteDialog.open(take) });
keymap.add({ keys: ["c"], does: "Compare it with the other takes or its earlier attempts", where: ["sheet", "viewer"], group: "Compare", act: (take) => {
  if (viewer.isOpen()) viewer.toCompare(take, viewer.run());
  else compare.open(take);
} });
keymap.add({ keys: ["?"], does: "These keys", where: ["viewer", "compare"], group: "Looking", act: () => keymap.showHelp() });
keymap.addPlace(keymap.sheet, { take: () => cards.get(document.activeElement?.closest("[data-take]")?.dataset.take) ? report.takes.find(({ id }) => id === document.activeElement.closest("[data-take]").dataset.take) : null });
