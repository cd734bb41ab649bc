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

byId("pickbar").append(el("div", {}, counts, storageWarning), el("div", { class: "actions" },
  on(el("button", { type: "button", class: "main" }, "Export"), "click", () => exporter.open()),
  on(el("button", { type: "button" }, "Done"), "click", () => { setPicking(false); pickSwitch.focus(); })));
