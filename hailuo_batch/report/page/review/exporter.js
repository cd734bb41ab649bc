// The dialog of the picks: what was decided, saved as a file for the program, a client or a spreadsheet, and brought back in.

// The same quoting as Python's shlex.quote.
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);
const dialogHead = (id, title, close) => el("div", { class: "row" }, el("h2", { id }, title),
  on(el("button", { type: "button", class: "round", "aria-label": "Close" }, icon("cross")), "click", close));

const saveAs = (name, text, type) => {
  const url = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  announce(`Saved ${name}`);
};

const exporter = (() => {
  const dialog = el("dialog", { class: "sheet exchange", "aria-labelledby": "export-title" });
  const button = (words, act, kind = "") => on(el("button", { type: "button", class: kind }, words), "click", act);
  const asText = () => `${JSON.stringify(picksDocument(), null, 2)}\n`;
  const step = (title, words, ...parts) => el("section", {}, el("h3", {}, title), el("p", { class: "soft" }, words), ...parts);

  const tally = (found) => {
    const count = (name) => found.filter(({ mark }) => mark === name).length;
    const notes = found.filter(({ note }) => note).length;
    return [`${number(count("chosen"))} chosen`, `${number(count("rejected"))} rejected`, `${number(count("reroll"))} to re-roll`,
      plural(notes, "note", "notes")].join(" · ");
  };
  // The commands name the file that was saved last, or that will be saved next: the name stays until a file has it.
  const save = (found, names) => {
    const files = chosenFiles().length;
    const done = el("p", { class: "facts", role: "status" });
    const savePicks = () => {
      const name = names.next();
      saveAs(name, asText(), "application/json");
      done.textContent = `Saved as ${name}`;
    };
    const stamped = (kind) => `${report.campaign}.${kind.replace(".", `.${fileStamp(new Date())}.`)}`;
    return step("Save", "The picks file holds every mark and note. Keep it, send it, or give it to a command below.",
      el("div", { class: "actions" },
        button([icon("save"), "Save picks"], savePicks, "main"),
        files ? button("List of the chosen files", () => saveAs(stamped("chosen.txt"), fileList(), "text/plain")) : "",
        found.length ? button("Table (CSV)", () => saveAs(stamped("picks.csv"), picksTable(), "text/csv")) : ""), done);
  };
  const commands = (found, name) => {
    const has = (mark) => found.some((pick) => pick.mark === mark);
    const where = "The browser saves the file among your downloads. Move it to the folder in which you run the command, or give the command its path, such as";
    return [
      has("chosen") || has("reroll") ? el("p", { class: "soft" }, where, " ", el("code", {}, `~/Downloads/${quoted(name)}`), ".") : "",
      has("chosen") ? step("Collect what is chosen", "Copies the chosen videos to a folder. It pays for nothing.",
        command(`${report.collect_command} ${quoted(name)} --to ${quoted(`${report.campaign}-chosen`)}`)) : "",
      has("reroll") ? step("Re-roll", "Makes each video that is marked re-roll once more, and pays for it. The videos that are here move to superseded/.",
        command(`${report.apply_command} --replace-from ${quoted(name)}`)) : "",
    ];
  };
  const bringIn = () => step("Import", "Picks that somebody sent back. You can also drop the file anywhere on this page.",
    el("div", { class: "actions" }, button([icon("bring"), "Import picks"], () => importer.choose())));
  const clearButton = () => {
    const ask = button("Remove all marks", () => {
      ask.textContent = "Remove them all?";
      ask.addEventListener("click", () => { clearMarks(); dialog.close(); }, { once: true });
    }, "quiet");
    return ask;
  };
  const plain = () => {
    const text = el("pre", { tabindex: "0", "aria-label": "The picks file" });
    const details = el("details", {}, el("summary", {}, "Show the picks file"), text,
      button([icon("copy"), "Copy"], () => copy(text.textContent, "the picks file", text)));
    return on(details, "toggle", () => { if (details.open) text.textContent = asText(); });
  };
  const open = () => {
    const found = picked();
    let name = picksName(new Date());
    let isSaved = false;
    const ways = el("div", { class: "steps" }, commands(found, name));
    const next = () => {
      if (isSaved) name = picksName(new Date());
      isSaved = true;
      ways.replaceChildren(...commands(found, name).filter(Boolean));
      return name;
    };
    dialog.replaceChildren(...[
      dialogHead("export-title", "Your picks", () => dialog.close()),
      el("p", { class: "tally" }, found.length ? tally(found) : "Nothing is marked yet."),
      marks.isKept() ? "" : el("p", { class: "reason" }, "This browser cannot store your marks. Save them before you close the page."),
      found.length ? save(found, { next }) : "", ways.hasChildNodes() ? ways : "", bringIn(),
      found.length ? plain() : "", found.some(({ mark }) => mark) ? clearButton() : "",
    ].filter(Boolean));
    dialog.showModal();
    dialog.querySelector(".actions button").focus(); // not the one that closes: Enter would only close it
  };
  document.body.append(dialog);
  return { open, close: () => dialog.close(), isOpen: () => dialog.open || importer.isOpen() };
})();
