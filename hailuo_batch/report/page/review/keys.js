// The keys for notes and for comparing, on the sheet, in the full view and in compare.

keymap.add({ keys: ["n"], does: "Note", where: ["sheet", "viewer", "compare"], group: "Marking", act: (take) => {
  if (compare.isOpen()) compare.note();
  else if (viewer.isOpen()) viewer.note();
  else noteDialog.open(take);
} });
keymap.add({ keys: ["c"], does: "Compare with the other takes, or with earlier attempts", where: ["sheet", "viewer"], group: "Compare", act: (take) => {
  if (viewer.isOpen()) viewer.toCompare(take, viewer.run());
  else compare.open(take);
} });
