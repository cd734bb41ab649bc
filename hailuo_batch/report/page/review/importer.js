// Picks brought in from a file, by a button or by dropping it on the page. What would change is shown first, and nothing
// changes until the reader says so.

const CONFLICTS_SHOWN = 200;

const importer = (() => {
  const dialog = el("dialog", { class: "sheet exchange", "aria-labelledby": "import-title" });
  const button = (words, act, kind = "") => on(el("button", { type: "button", class: kind }, words), "click", act);
  const show = (title, ...parts) => {
    dialog.replaceChildren(...[dialogHead("import-title", title, () => dialog.close()), ...parts].filter(Boolean));
    if (!dialog.open) dialog.showModal();
  };
  const lines = (entries) => el("ul", { class: "outcome" }, entries.filter(([count]) => count > 0).map(([, words]) => el("li", {}, words)));
  const counted = ({ marks: added, notes, same, gone, remade, tooLong }) => [
    [added.length, plural(added.length, "new mark", "new marks")],
    [notes.length, `${plural(notes.length, "note", "notes")} added or joined to yours`],
    [same, `${plural(same, "pick is", "picks are")} here already`],
    [gone, `${plural(gone, "pick is about a video that is", "picks are about videos that are")} no longer on this sheet`],
    [remade, `${plural(remade, "re-roll is", "re-rolls are")} done already: the take has another video now`],
    [tooLong, `${plural(tooLong, "note is", "notes are")} too long to join to yours, and left out`],
  ];
  const disagreement = (conflict, index) => {
    const way = (value, mark, whose) => el("label", {}, el("input", { type: "radio", name: `conflict-${index}`, value, checked: value === "mine" }),
      `${whose}: `, el("span", { class: `m-${mark} tone` }, MARKS[mark].word));
    return el("li", {}, el("span", { class: "name" }, conflict.take.id),
      el("span", { class: "ways" }, way("mine", conflict.mine, "mine"), way("theirs", conflict.theirs, "theirs")));
  };
  const disagreements = (conflicts) => {
    if (conflicts.length === 0) return { node: null, taken: () => [] };
    const list = el("ul", { class: "conflicts" }, conflicts.slice(0, CONFLICTS_SHOWN).map(disagreement));
    let rest = "mine"; // the answer for those that are not shown
    const all = (value) => {
      rest = value;
      for (const input of list.querySelectorAll(`input[value=${value}]`)) input.checked = true;
    };
    const node = el("section", {}, el("h3", {}, `Marked otherwise here (${number(conflicts.length)})`),
      el("div", { class: "actions" }, button("Keep all mine", () => all("mine")), button("Take all theirs", () => all("theirs"))), list,
      conflicts.length > CONFLICTS_SHOWN ? el("p", { class: "soft" }, `And ${number(conflicts.length - CONFLICTS_SHOWN)} more, which follow the button.`) : null);
    const answer = (index) => list.querySelector(`input[name="conflict-${index}"]:checked`)?.value ?? rest;
    return { node, taken: () => conflicts.filter((_, index) => answer(index) === "theirs") };
  };
  const finish = (plan, taken) => {
    applyImport(plan, taken);
    const [added, notes] = [plan.marks.length + taken.length, plan.notes.length];
    const words = `Imported ${plural(added, "mark", "marks")} and ${plural(notes, "note", "notes")}.`;
    show("Imported", el("p", { role: "status" }, words),
      marks.isKept() ? null : el("p", { class: "reason" }, "This browser cannot store your marks. Save them before you close the page."),
      el("div", { class: "actions" }, button("Done", () => dialog.close(), "main")));
    dialog.querySelector(".main").focus();
  };
  const offer = (name, picks) => {
    const plan = planImport(picks);
    const { node, taken } = disagreements(plan.conflicts);
    const isNew = plan.marks.length + plan.notes.length + plan.conflicts.length > 0;
    show("Import picks", el("p", { class: "soft mono" }, name), lines(counted(plan)), node,
      picks.length === 0 ? el("p", {}, "This file holds no picks.") : null,
      isNew || picks.length === 0 ? null : el("p", {}, plan.same === picks.length ? "There is nothing in it that is not here already." : "It changes nothing on this sheet."),
      el("div", { class: "actions" }, isNew ? button("Import", () => finish(plan, taken()), "main") : "",
        button(isNew ? "Cancel" : "Close", () => dialog.close())));
  };
  const refuse = (name, words) => show("This file cannot be imported", el("p", { class: "soft mono" }, name), el("p", { role: "alert" }, words),
    el("div", { class: "actions" }, button("Choose another file", choose), button("Close", () => dialog.close())));

  const read = async (file) => {
    const name = file.name.length > 100 ? `${file.name.slice(0, 100)}…` : file.name;
    try {
      if (file.size > MOST_BYTES) throw new PicksError("This is no picks file: it is far too large for one.");
      offer(name, readPicks(new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer())));
    } catch (error) {
      if (error instanceof PicksError) refuse(name, error.message);
      else refuse(name, error instanceof TypeError ? "This is no picks file: it holds no text." : "This file could not be read.");
    }
  };
  const input = on(el("input", { type: "file", accept: ".json,application/json", hidden: true, "aria-label": "A picks file" }),
    "change", () => { const [file] = input.files; input.value = ""; if (file) { exporter.close(); read(file); } });
  const choose = () => input.click();

  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (isOver) => document.documentElement.classList.toggle("dropping", isOver);
  addEventListener("dragover", (event) => { if (holdsFiles(event)) { event.preventDefault(); mark(true); } });
  addEventListener("dragleave", (event) => { if (event.relatedTarget === null) mark(false); });
  addEventListener("drop", (event) => {
    mark(false);
    if (!holdsFiles(event)) return;
    event.preventDefault(); // else the browser would leave the page for the file
    const [file] = event.dataTransfer.files;
    if (!file) return;
    exporter.close();
    read(file);
  });
  document.body.append(dialog, input);
  return { choose, isOpen: () => dialog.open };
})();
