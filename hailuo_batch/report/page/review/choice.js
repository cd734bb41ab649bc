// Pick mode: the switch, the bar that counts the marks, and the export as JSON or as a command.

const picking = () => document.body.classList.contains("picking");
const pickSwitch = on(el("button", { type: "button", class: "switch", "aria-pressed": "false" }, icon("tick"), "Pick"), "click",
  () => setPicking(!picking()));
const setPicking = (wanted) => {
  document.body.classList.toggle("picking", wanted);
  pickSwitch.setAttribute("aria-pressed", String(wanted));
  byId("pickbar").hidden = !wanted;
  if (wanted) showChoice();
};

const counts = el("p", { class: "counts", role: "status" });
const storageWarning = el("p", { class: "facts", hidden: true }, "This browser cannot store your marks. Export them before you close the page.");
const showChoice = () => {
  const open = report.takes.filter((take) => canMark(take) && markOf(take) === null).length;
  const [chosen, rejected, reroll] = Object.keys(MARKS).map((mark) => number(marked(mark).length));
  const entry = (count, word) => el("span", { class: "word" }, el("b", {}, count), ` ${word}`);
  counts.replaceChildren(entry(chosen, "chosen"), " · ", entry(rejected, "rejected"), " · ", entry(reroll, "to re-roll"), " · ",
    entry(number(open), "not marked"));
  storageWarning.hidden = marks.isKept();
};
let due = 0;
markListeners.add(() => { clearTimeout(due); due = setTimeout(() => { if (picking()) showChoice(); }); });

const exporter = (() => {
  const dialog = el("dialog", { class: "sheet", "aria-labelledby": "export-title" });
  const button = (text, act, kind = "") => on(el("button", { type: "button", class: kind }, text), "click", act);
  const download = () => {
    const url = URL.createObjectURL(new Blob([`${JSON.stringify(choice(), null, 2)}\n`], { type: "application/json" }));
    el("a", { href: url, download: `${report.campaign}.choice.json` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    announce("Saved your choice as a JSON file");
  };
  const reroll = () => {
    const words = replaceArguments();
    if (!words) return [el("p", { class: "soft" }, "No take is marked for a re-roll.")];
    const line = el("code", { tabindex: "0", "data-words": words }, unbroken(`${report.apply_command} ${onlyArguments()} ${words}`));
    return [el("p", { class: "soft" }, "Each of these takes is made again, and paid for again. Its current video moves to superseded/."),
      el("div", { class: "command" }, line, copyButton(line.textContent, "the command", line)),
      button("Copy the --replace arguments alone", () => copy(words, "the arguments", line))];
  };
  const clearButton = () => {
    const ask = button("Remove all marks", () => {
      ask.textContent = "Remove them all?";
      ask.addEventListener("click", () => { clearMarks(); dialog.close(); }, { once: true });
    }, "quiet");
    return ask;
  };
  const open = () => {
    const json = JSON.stringify(choice(), null, 2);
    const text = el("pre", { tabindex: "0", "aria-label": "The choice as JSON" }, json);
    dialog.replaceChildren(
      el("div", { class: "row" }, el("h2", { id: "export-title" }, "Your choice"),
        on(el("button", { type: "button", class: "round", "aria-label": "Close" }, icon("cross")), "click", () => dialog.close())),
      el("h3", {}, "Re-roll"), ...reroll(),
      el("h3", {}, "As JSON"), text,
      el("div", { class: "actions" }, button("Save as a file", download), button("Copy", () => copy(json, "the JSON", text)), clearButton()));
    dialog.showModal();
  };
  document.body.append(dialog);
  return { open, isOpen: () => dialog.open };
})();
byId("pickbar").append(el("div", {}, counts, storageWarning), el("div", { class: "actions" },
  on(el("button", { type: "button", class: "main" }, "Export"), "click", () => exporter.open()),
  on(el("button", { type: "button" }, "Done"), "click", () => { setPicking(false); pickSwitch.focus(); })));
