// The full view: one video as large as the window; the arrow keys go from take to take and from shot to shot.

const viewer = (() => {
  const dialog = el("dialog", { class: "viewer", "aria-label": "Full view" });
  const stage = el("div", { class: "stage", tabindex: "-1" });
  const panel = el("div", { class: "panel" });
  let shown = null; // the entry on show: a take, its output, a label, and the run if it is an earlier attempt
  let row = []; // the entries that the arrow keys go through
  let note = null; // the field for the note, where there can be one
  const others = el("p", { class: "elsewhere" });

  const entries = () => sheet.takes().flatMap((take) => {
    const outputs = shownOutputs(take);
    const run = isStandIn(take) ? { run: shownRun(take) } : {};
    return outputs.map((output, index) => ({ take, output, ...run,
      label: outputs.length > 1 ? `${take.id}, video ${index + 1} of ${outputs.length}` : take.id }));
  });
  const index = () => row.findIndex(({ output }) => output === shown.output);
  const step = (by) => { if (row.length) show(row[(Math.max(index(), 0) + by + row.length) % row.length]); };
  const stepShot = (by) => {
    const at = Math.max(index(), 0);
    const other = (entry) => entry.take.shot !== shown.take.shot;
    const first = by > 0 ? row.findIndex((entry, place) => place > at && other(entry)) : row.findLastIndex((entry, place) => place < at && other(entry));
    const target = first < 0 ? row[by > 0 ? 0 : row.length - 1] : row[first];
    if (target) show(row.find((entry) => entry.take.shot === target.take.shot));
  };
  const runShown = () => shown.run ?? shownRun(shown.take);
  // After a mark by a key the next take without one follows; an earlier attempt was opened for its own sake.
  const following = (take) => {
    if (shown.run && shown.run !== shownRun(take)) return;
    const next = nextUnmarked(row.map((entry) => entry.take), row.findLastIndex((entry) => entry.take === take));
    const entry = next && row.find((other) => other.take === next);
    if (entry) show(entry);
    else say("Every take on the sheet has a mark");
  };

  const undone = (take, run) => {
    const entry = row.find((other) => other.take === take);
    if (entry && run !== runShown() && (run === shownRun(take) || take !== shown.take)) show(entry);
  };

  const iconButton = (label, name, act) => on(el("button", { type: "button", class: "round", "aria-label": label, title: label }, icon(name)), "click", act);
  const previous = iconButton("Previous take", "left", () => step(-1));
  const next = iconButton("Next take", "right", () => step(1));
  const close = iconButton("Close", "cross", () => dialog.close());

  const drop = () => { const video = stage.querySelector("video"); if (video) { video.pause(); unload(video); } };
  const show = (entry) => {
    shown = entry;
    drop();
    const video = el("video", { controls: true, loop: true, playsinline: true, "aria-label": entry.label });
    video.muted = true;
    video.src = relative(entry.output.path);
    on(video, "error", () => video.replaceWith(el("p", { class: "broken" }, "This file cannot be played from here.")));
    stage.replaceChildren(video);
    if (!still.matches) video.play().catch(() => {});
    fill(entry, video);
  };
  const fill = ({ take, output, run, label }, video) => {
    const attempt = run ?? shownRun(take);
    const isEarlier = attempt !== shownRun(take);
    const place = index();
    const clip = el("span", { class: "facts" });
    on(video, "loadedmetadata", () => { clip.textContent = filmFacts(video); });
    others.replaceChildren(...otherChoices(take, attempt));
    note = canMark(take, attempt) ? noteField(take, attempt) : null;
    if (note) on(note.field, "finished", () => stage.focus());
    panel.replaceChildren(...[
      el("div", { class: "row" }, el("h2", { tabindex: "-1" }, isEarlier ? label : take.id),
        el("span", { class: "facts" }, place < 0 ? "" : `${number(place + 1)} of ${number(row.length)}`)),
      el("div", { class: "row" }, isEarlier ? stateMark(run.state) : takeMark(take), clip),
      askedFor(take, attempt),
      others,
      note ? pickButtons(take, attempt) : null,
      note ? note.field : null,
      el("p", { class: "prompt", dir: "auto" }, isEarlier ? "" : promptOf(take)), isEarlier ? null : references(take),
      isEarlier ? null : allVariables(take),
      el("div", { class: "actions" }, compareButton(take, () => toCompare(take, attempt)), attemptsButton(take, () => toAttempts(take, attempt))),
      el("p", { class: "facts" }, facts(attempt)),
      item(output.path, "the file name"),
      output.flaw ? el("p", { class: "reason", dir: "auto" }, `Damaged: ${output.flaw}`) : null, attempt?.run_id ? item(attempt.run_id, "the run ID") : null,
      attempt?.completed_at ? el("p", { class: "facts" }, "finished ", moment(attempt.completed_at)) : null,
      el("p", { class: "hint" }, "← → take · ↑ ↓ shot · space plays · 1 2 3 mark · N\u00a0note · C\u00a0compare · A\u00a0attempts · ?\u00a0all\u00a0keys"),
    ].filter(Boolean));
    announce(label);
  };
  const open = (entry) => {
    row = entries();
    document.body.classList.add("viewing");
    dialog.showModal();
    show(entry);
    stage.focus();
  };
  const resume = () => { if (!still.matches) stage.querySelector("video")?.play().catch(() => {}); };
  const play = () => {
    const video = stage.querySelector("video");
    if (video) { if (video.paused) video.play().catch(() => {}); else video.pause(); }
  };
  const toCompare = (take, run) => {
    if (!canCompare(take)) { say(`${take.id} has nothing to be compared with.`); return; }
    stage.querySelector("video")?.pause();
    compare.open(take, run);
  };

  const toAttempts = (take, run) => {
    if (compare.openAttempts(take, run)) stage.querySelector("video")?.pause();
  };
  // Where it is, in values that outlive a reload, and there again.
  const place = () => (dialog.open ? { take: shown.take.id, run: shown.run?.run_id ?? null, path: shown.output.path } : null);
  const goTo = (take, { run: runId, path }) => {
    const run = take.runs.find((each) => each.superseded && each.run_id === runId);
    const output = (run ? saved(run.outputs) : shownOutputs(take)).find((each) => each.path === path);
    if (!output) return;
    const label = run ? `${take.id}, attempt ${run.attempt}` : entries().find((entry) => entry.output === output)?.label ?? take.id;
    open(run ? { take, output, label, run } : { take, output, label });
  };

  keymap.addPlace("viewer", { dialog, take: () => shown?.take ?? null, run: runShown, marked: following, undone });
  const key = (keys, does, act, repeats = false) => keymap.add({ keys, does, act, where: ["viewer"], group: "Full view", repeats });
  key(["ArrowLeft", "ArrowRight"], "Previous and next take", (_, event) => step(event.key === "ArrowLeft" ? -1 : 1), true);
  key(["ArrowUp", "ArrowDown"], "Previous and next shot", (_, event) => stepShot(event.key === "ArrowUp" ? -1 : 1), true);
  key([" "], "Play, pause", play);

  on(dialog, "close", () => {
    drop();
    document.body.classList.remove("viewing");
    current.set(shown.take, { focus: true });
  });
  on(dialog, "click", (event) => { if (event.target === stage) dialog.close(); });
  markListeners.add((take, run) => {
    if (!dialog.open || take !== shown.take) return;
    others.replaceChildren(...otherChoices(take, runShown()));
    if (run !== runShown()) return;
    showMark(panel, take, run);
    note?.show();
  });
  dialog.append(el("div", { class: "screenside" }, stage, previous, next, close), panel);
  document.body.append(dialog);
  return { open, toCompare, toAttempts, place, goTo, resume, run: runShown, note: () => note?.field.focus(), isOpen: () => dialog.open };
})();
