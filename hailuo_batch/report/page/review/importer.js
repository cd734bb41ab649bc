// Picks brought in from a file, by a button or by dropping it on the page. What would change is shown first, and nothing
// changes until the reader says so.

const CONFLICTS_SHOWN = 200;

const importer = (() => {
  const dialog = el("dialog", { class: "sheet exchange", "aria-labelledby": "import-title" });
  const button = (words, act, kind = "") => on(el("button", { type: "button", class: kind }, words), "click", act);
  const show = (title, ...parts) => {
    dialog.replaceChildren(...[dialogHead("import-title", title, () => dialog.close()), ...parts].filter(Boolean));
    if (!dialog.open) dialog.showModal();
    // Not on the button that closes: a reader who presses Enter wants what the dialog is for.
    (dialog.querySelector("input[type=radio]:checked") ?? dialog.querySelector(".actions .main") ?? dialog.querySelector(".actions button")).focus();
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
  // A list in which each entry has two answers, mine unless the reader says theirs.
  const questions = (kind, entries, { ways, mine, theirs }) => {
    const question = (entry, index) => {
      const name = isLive(entry.take, entry.run) ? entry.take.id : `${entry.take.id}, attempt ${entry.run.attempt}`;
      const way = (value, words) => el("div", { class: "way" }, el("label", {},
        el("input", { type: "radio", name: `${kind}-${index}`, value, checked: value === "mine" }), words[0]), words[1]);
      return el("li", {}, pictureOf(entry.take, entry.run),
        el("div", { class: "said", role: "group", "aria-label": name }, el("span", { class: "name" }, name),
          el("div", { class: "ways" }, ["mine", "theirs"].map((value) => way(value, ways(entry, value))))));
    };
    const list = el("ul", { class: "conflicts" }, entries.slice(0, CONFLICTS_SHOWN).map(question));
    let rest = "mine"; // the answer for those that are not shown
    const all = (value) => {
      rest = value;
      for (const input of list.querySelectorAll(`input[value=${value}]`)) input.checked = true;
    };
    const parts = [el("div", { class: "actions" }, button(mine, () => all("mine")), button(theirs, () => all("theirs"))), list,
      entries.length > CONFLICTS_SHOWN ? el("p", { class: "soft" }, `And ${number(entries.length - CONFLICTS_SHOWN)} more, which follow the button.`) : ""];
    const answer = (index) => list.querySelector(`input[name="${kind}-${index}"]:checked`)?.value ?? rest;
    return { parts, taken: () => entries.filter((_, index) => answer(index) === "theirs") };
  };
  const tone = (mark) => el("span", { class: `m-${mark} tone` }, MARKS[mark].word);
  const noteText = (note) => (note ? el("p", { class: "words", dir: "auto" }, note) : "");
  const disagreements = (conflicts) => {
    if (conflicts.length === 0) return { node: null, taken: () => [] };
    const ways = ({ take, run, mine, theirs, note }, value) => (value === "mine"
      ? [["mine: ", tone(mine)], noteText(noteOf(take, run))] : [["theirs: ", tone(theirs)], noteText(note)]);
    const { parts, taken } = questions("conflict", conflicts, { ways, mine: "Keep all mine", theirs: "Take all theirs" });
    return { taken, node: el("section", {}, el("h3", {}, `Marked otherwise here (${number(conflicts.length)})`),
      el("p", { class: "soft" }, "Notes are joined, whichever mark stays."), ...parts) };
  };
  // A mark that was removed where the file was saved is in it no more than one that was never made there.
  const notTheirs = (missing) => {
    if (missing.length === 0) return { node: null, taken: () => [] };
    const ways = ({ mark, note }, value) => (value === "mine" ? [["keep: ", tone(mark)], noteText(note)] : [["remove the mark"], ""]);
    const { parts, taken } = questions("missing", missing, { ways, mine: "Keep all", theirs: "Remove all of these" });
    const count = `${number(missing.length)} of your marks ${missing.length === 1 ? "is" : "are"} not in this file`;
    const details = el("details", {}, el("summary", {}, "Show them, or remove them here too"));
    whenOpen(details, () => parts.filter(Boolean));
    return { taken, node: el("section", {}, el("h3", {}, count), el("p", { class: "soft" }, "They stay, unless you say otherwise."), details) };
  };
  const finish = (plan, taken, removed) => {
    applyImport(plan, taken, removed);
    const [added, notes] = [plan.marks.length + taken.length, plan.notes.length];
    const words = [`Imported ${plural(added, "mark", "marks")} and ${plural(notes, "note", "notes")}.`,
      removed.length ? ` Removed ${plural(removed.length, "mark", "marks")}.` : ""].join("");
    show("Imported", el("p", { role: "status" }, words),
      marks.isKept() ? null : el("p", { class: "reason" }, "This browser cannot store your marks. Save them before you close the page."),
      el("div", { class: "actions" }, button("Done", () => dialog.close(), "main")));
  };
  const offer = (name, picks) => {
    const plan = planImport(picks);
    const conflicts = disagreements(plan.conflicts);
    const missing = notTheirs(plan.missing);
    const isNew = plan.marks.length + plan.notes.length + plan.conflicts.length > 0;
    const changes = isNew || (picks.length > 0 && plan.missing.length > 0);
    show("Import picks", el("p", { class: "soft mono" }, name), lines(counted(plan)), conflicts.node, picks.length ? missing.node : null,
      picks.length === 0 ? el("p", {}, "This file holds no picks.") : null,
      isNew || picks.length === 0 ? null : el("p", {}, plan.same === picks.length ? "There is nothing in it that is not here already." : "It changes nothing on this sheet."),
      el("div", { class: "actions last" }, changes ? button("Import", () => finish(plan, conflicts.taken(), missing.taken()), "main") : "",
        button(changes ? "Cancel" : "Close", () => dialog.close())));
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
