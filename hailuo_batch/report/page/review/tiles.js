// What compare shows: the videos that can be looked at together, and a tile for each with its marks and its note.

const TOGETHER = 6;

const shotTakes = (take) => shotOf.get(take.shot).takes.flatMap((each) => {
  const run = shownRun(each);
  if (!canMark(each, run)) return [];
  const outputs = saved(run.outputs);
  return outputs.map((output, index) => ({ take: each, run, output,
    name: outputs.length > 1 ? `${each.id}, video ${index + 1}` : each.id }));
});
const takeAttempts = (take) => take.runs.filter((run) => canMark(take, run)).reverse().flatMap((run) => saved(run.outputs).map((output) => ({
  take, run, output, name: isLive(take, run) ? `Attempt ${run.attempt}, now` : `Attempt ${run.attempt}` })));
// The ways to compare a take, those first that have more to show.
const waysToCompare = (take) => [
  { key: "takes", word: "Takes", entries: shotTakes(take) },
  { key: "attempts", word: "Attempts", entries: takeAttempts(take) },
].filter(({ entries }) => entries.length > 1);
const canCompare = (take) => waysToCompare(take).length > 0;
const compareButton = (take, open = () => compare.open(take)) => (canCompare(take)
  ? on(el("button", { type: "button", class: "comparing", "aria-keyshortcuts": "c" }, icon("compare"), "Compare"), "click", open) : null);

const attemptsButton = (take, open) => (takeAttempts(take).length > 1
  ? on(el("button", { type: "button", class: "comparing", "aria-keyshortcuts": "a" }, icon("again"), "Attempts"), "click", open) : null);

// `tellsOthers`: where no other attempt is beside it, the words for one that is chosen.
const tileOf = (entry, { choose, enlarge, tellsOthers }) => {
  const { take, run, output, name } = entry;
  const video = el("video", { playsinline: true, preload: "auto", tabindex: "-1", "aria-hidden": "true" });
  video.muted = true;
  video.src = relative(output.path);
  const screen = el("div", { class: "screen film", role: "group", tabindex: "-1", "aria-label": name }, video);
  const { field, show } = noteField(take, run);
  const what = el("span", { class: "facts" });
  const others = el("p", { class: "elsewhere" });
  const node = el("li", { class: "tile" }, screen,
    el("div", { class: "caption" }, el("div", { class: "row" }, el("p", { class: "name" }, name), what), pickButtons(take, run), askedFor(take, run) ?? "",
      others, field));
  const update = () => {
    node.dataset.marked = markOf(take, run) ?? "";
    showMark(node, take, run);
    if (tellsOthers) others.replaceChildren(...otherChoices(take, run));
    show();
  };
  on(video, "loadedmetadata", () => { what.textContent = filmFacts(video); });
  on(screen, "click", () => choose(entry));
  on(screen, "dblclick", () => enlarge(entry));
  on(node, "focusin", () => choose(entry));
  on(field, "finished", () => screen.focus({ preventScroll: true }));
  update();
  const leaveOut = () => {
    video.remove();
    screen.append(el("span", { class: "broken" }, "This file cannot be played from here."));
  };
  return { ...entry, node, video, screen, field, update, leaveOut };
};
const filmFacts = ({ duration: length, videoWidth, videoHeight }) => [
  Number.isFinite(length) && length > 0 ? `${Number(length.toFixed(1))} s` : "", videoWidth ? `${videoWidth} × ${videoHeight}` : "",
].filter(Boolean).join(" · ");
