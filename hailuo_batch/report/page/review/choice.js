// The export of the choice, as JSON or as a command.

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
