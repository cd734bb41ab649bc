// The bar at the bottom: the take under the pointer, else the current one, in one line; how far the review is; the export.

const bar = (() => {
  const node = byId("bar");
  const line = el("div", { class: "about" });
  const counts = el("p", { class: "counts", role: "status" });
  const storageWarning = el("p", { class: "facts", hidden: true }, "This browser cannot store your marks. Export them before you close the page.");
  const fill = el("span", {});

  const describe = (take) => {
    const run = shownRun(take);
    const outputs = shownOutputs(take);
    return [el("b", { class: "name" }, take.id), isStandIn(take) ? stateMark(take.state, rerollState(take)) : stateMark(take.state),
      el("span", { class: "facts" }, [flag(take), ...outputs.slice(0, 1).map(clip), facts(run)].filter(Boolean).join(" · ")),
      compareButton(take) ?? "", ...outputs.slice(0, 1).map((output) => item(output.path, "the file name")),
      run?.run_id ? item(run.run_id, "the run ID") : ""];
  };
  let shown = null;
  const showTake = () => {
    const take = (line.contains(document.activeElement) ? null : hovered.take()) ?? current.take();
    if (take === shown) return;
    shown = take;
    line.replaceChildren(...(take ? describe(take) : []));
  };
  const showCounts = () => {
    const isMarked = report.takes.filter((take) => markOf(take) !== null).length;
    const markable = report.takes.filter((take) => canMark(take)).length;
    const withChoice = shots.filter((shot) => shot.takes.some(hasChoice)).length;
    const entry = (count, all, words) => el("span", { class: "word" }, el("b", {}, number(count)), ` of ${words(all)}`);
    counts.replaceChildren(entry(isMarked, markable, (all) => `${plural(all, "take", "takes")} marked`), el("span", { class: "comma" }, ", "),
      entry(withChoice, shots.length, (all) => `${plural(all, "shot", "shots")} ${withChoice === 1 ? "has" : "have"} a choice`));
    fill.style.width = `${markable ? 100 * isMarked / markable : 0}%`;
    storageWarning.hidden = marks.isKept();
  };
  let due = 0;
  markListeners.add(() => { clearTimeout(due); due = setTimeout(showCounts, 30); });
  hovered.listeners.add(showTake);
  current.listeners.add(showTake);
  on(line, "focusin", showTake);

  const help = on(el("button", { type: "button", class: "help", "aria-label": "Show the keys", title: "Show the keys", "aria-keyshortcuts": "?" }, "?"), "click", keymap.showHelp);
  keymap.add({ keys: ["?"], does: "These keys", where: ["sheet", "viewer", "compare"], act: keymap.showHelp });
  keymap.add({ keys: ["e"], does: "Export, or import", where: ["sheet", "viewer", "compare"], act: () => exporter.open() });
  keymap.add({ keys: ["Escape"], does: "Close what is open" });
  const start = () => {
    node.append(el("div", { class: "reviewed", "aria-hidden": "true" }, fill), line, el("div", { class: "review" }, counts, storageWarning), help,
      on(el("button", { type: "button", class: "main" }, "Export"), "click", () => exporter.open()));
    node.hidden = report.takes.length === 0;
    showCounts();
    showTake();
  };
  return { start };
})();
