// Notes: a field that keeps each letter as it is typed, a small dialog with that field for a take on the sheet, and the
// sign on a card that there is a note, which shows the note under the pointer and the focus.

const noteField = (take, run = shownRun(take)) => {
  const field = el("textarea", { class: "note", rows: "1", maxlength: LONGEST_NOTE, placeholder: "Add a note", dir: "auto",
    "aria-label": `Note on ${take.id}`, "aria-keyshortcuts": "n" });
  const show = () => { if (document.activeElement !== field) field.value = noteOf(take, run); };
  on(field, "input", () => setNote(take, field.value, run));
  on(field, "blur", show);
  on(field, "keydown", (event) => {
    const isDone = event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey));
    if (!isDone || event.isComposing) return;
    event.preventDefault(); // else Escape would close the dialog around the field
    event.stopPropagation();
    field.dispatchEvent(new Event("finished", { bubbles: true }));
  });
  show();
  return { field, show };
};

const noteDialog = (() => {
  const dialog = el("dialog", { class: "sheet jotting", "aria-labelledby": "note-title" });
  const open = (take, run = shownRun(take)) => {
    if (!take || !canMark(take, run)) {
      announce("Only a take with a video can have a note.");
      return;
    }
    const { field } = noteField(take, run);
    dialog.replaceChildren(
      el("div", { class: "row" }, el("h2", { id: "note-title" }, `Note on ${take.id}`),
        on(el("button", { type: "button", class: "main" }, "Done"), "click", () => dialog.close())),
      field, el("p", { class: "facts" }, "Kept as you type. Esc closes."));
    dialog.showModal();
    field.focus();
  };
  on(dialog, "finished", () => dialog.close());
  document.body.append(dialog);
  return { open, isOpen: () => dialog.open };
})();

const noteSign = (take, run = shownRun(take)) => {
  const note = noteOf(take, run);
  return note === "" ? "" : el("span", { class: "noted" }, icon("note"), el("span", { class: "unseen" }, "Note: "),
    el("span", { class: "text", dir: "auto" }, note));
};
const badges = (take, run = shownRun(take)) => el("p", { class: "badges" }, markBadge(take, run), noteSign(take, run));
