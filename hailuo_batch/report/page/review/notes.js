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
      say("Only a take with a video can have a note.");
      return;
    }
    const { field } = noteField(take, run);
    const title = isLive(take, run) ? take.id : `${take.id}, attempt ${run.attempt}`;
    dialog.replaceChildren(...[
      el("div", { class: "row" }, el("h2", { id: "note-title" }, `Note on ${title}`),
        on(el("button", { type: "button", class: "main" }, "Done"), "click", () => dialog.close())),
      el("div", { class: "subject" }, pictureOf(take, run), markBadge(take, run), askedFor(take, run)),
      field, el("p", { class: "facts" }, "Kept as you type. Esc closes.")].filter(Boolean));
    dialog.showModal();
    field.focus();
  };
  on(dialog, "finished", () => dialog.close());
  document.body.append(dialog);
  return { open, isOpen: () => dialog.open };
})();

// A still of a run's first video, as the sheet shows it; nothing that can be pressed.
const pictureOf = (take, run) => {
  const [output] = saved(run.outputs);
  const screen = el("div", { class: "screen film picture", "data-path": output.path, "data-poster": output.poster });
  near.observe(screen);
  return screen;
};

// What was asked of a run: the note on the attempt that it was made to replace, where that one is marked for a re-roll.
const replacedBy = (take, run) => take.runs.slice(0, take.runs.indexOf(run)).findLast((other) => canMark(take, other)) ?? null;
const requestTo = (take, run) => {
  const before = replacedBy(take, run);
  return before !== null && marks.read(before.run_id)?.mark === "reroll" ? noteOf(take, before) : "";
};
const askedFor = (take, run = liveRun(take)) => {
  if (run === null || replacedBy(take, run) === null) return null;
  const text = el("span", { dir: "auto" });
  const node = el("p", { class: "asked", "data-asked": run.run_id }, el("span", { class: "soft" }, "You asked: "), text);
  fillAsked(node, take, run);
  return node;
};
const fillAsked = (node, take, run) => {
  const request = requestTo(take, run);
  node.hidden = request === "";
  node.lastChild.textContent = request;
  node.title = request;
};
markListeners.add((take, run) => {
  for (const later of take.runs.slice(take.runs.indexOf(run) + 1)) {
    if (!later.run_id) continue;
    for (const node of document.querySelectorAll(`.asked[data-asked="${CSS.escape(later.run_id)}"]`)) fillAsked(node, take, later);
  }
});

const noteSign = (take, run = shownRun(take)) => {
  const note = noteOf(take, run);
  return note === "" ? "" : el("span", { class: "noted" }, icon("note"), el("span", { class: "unseen" }, "Note: "),
    el("span", { class: "text", dir: "auto" }, note));
};
const badges = (take, run = shownRun(take)) => el("p", { class: "badges" }, markBadge(take, run), noteSign(take, run));
