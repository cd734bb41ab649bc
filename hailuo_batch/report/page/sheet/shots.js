// The shots: each with its takes side by side and the prompt below.

const takeById = new Map(report.takes.map((take) => [take.id, take]));
const shots = [...grouped(report.takes, (take) => take.shot)]
  .map(([id, takes], index) => ({ id, takes, index, shown: takes, node: null, list: null, rest: [], choices: null }));
const shotOf = new Map(shots.map((shot) => [shot.id, shot]));
const choicesOf = (shot) => shot.takes.reduce((sum, take) => sum + take.runs.filter((run) => markOf(take, run) === "chosen").length, 0);
// A shot needs one video: that it has more is said, as it may be meant.
const showChoices = (shot) => {
  if (shot.choices === null) return;
  const count = choicesOf(shot);
  shot.choices.textContent = count > 1 ? `${number(count)} chosen` : "";
};
const LONGEST_LINE = 240; // characters of a prompt that stand in one line

// Takes of one shot have the same input unless the manifest was edited after some of them were made.
const inputs = (takes) => {
  const groups = grouped(takes, (take) => take.fingerprint);
  return [...groups.values()].flatMap((alike) => [
    groups.size > 1 ? el("p", { class: "whose" }, alike.map((take) => take.id).join(", ")) : null, ...inputOf(alike[0])]);
};
const oneLine = (shot) => {
  const text = promptOf(shot.takes[0]);
  const short = text.slice(0, LONGEST_LINE).replace(/\s+/g, " ").trim();
  return short ? [el("p", { class: "prompt brief", dir: "auto", title: text.slice(0, 2000) }, short)] : [];
};
const twoLines = (shot) => [el("div", { class: "input" }, el("p", { class: "prompt brief", dir: "auto" }, promptOf(shot.takes[0]).slice(0, 4 * LONGEST_LINE)),
  references(shot.takes[0]))];
const everything = (shot) => {
  const tags = [...new Set(shot.takes.flatMap((take) => take.tags))];
  return [el("div", { class: "input" }, inputs(shot.takes)),
    tags.length ? el("ul", { class: "tags", "aria-label": "Tags" }, tags.map((tag) => el("li", {}, tag))) : ""];
};
const REST = { S: oneLine, M: twoLines, L: everything };

// Until a shot comes near the viewport only its name is in the document: that keeps thousands of shots fast to open.
const shotNode = (shot, takes, extra) => {
  shot.shown = takes;
  if (shot.node === null) {
    shot.choices = el("b", { class: "several" });
    const done = shot.takes.filter((take) => take.state === "done").length;
    shot.node = el("section", { class: "shot", "data-shot": shot.id, "aria-labelledby": `shot-${shot.index}` },
      el("div", { class: "row" }, el("h2", { id: `shot-${shot.index}` }, shot.id),
        el("span", { class: "facts" }, shot.choices, shot.takes.length > 1 ? el("span", {}, `${done} of ${shot.takes.length} done`) : "")));
    showChoices(shot);
  }
  shot.node.style.setProperty("--takes", takes.length);
  shot.node.style.setProperty("--extra", extra);
  shot.node.classList.toggle("wide", extra > 0);
  if (isFilled(shot)) shot.list.replaceChildren(...takes.map(cardOf));
  return shot.node;
};
const isFilled = (shot) => shot.list !== null && shot.list.parentNode === shot.node;
const fillShot = (shot) => {
  if (isFilled(shot)) return;
  if (shot.list === null) {
    shot.list = el("ul", { class: "takes" });
    shot.rest = REST[density.name()](shot);
    for (const node of shot.rest) if (node !== "") setStops(node, current.take()?.shot === shot.id);
  }
  shot.list.replaceChildren(...shot.shown.map(cardOf));
  shot.node.append(shot.list, ...shot.rest);
};
const emptyShot = (shot) => {
  if (!isFilled(shot) || shot.node.contains(document.activeElement)) return;
  for (const video of shot.node.querySelectorAll("video")) unload(video);
  while (shot.node.childNodes.length > 1) shot.node.lastChild.remove();
};
// For another size everything is built again.
const forgetCards = () => {
  for (const video of byId("shots").querySelectorAll("video")) unload(video);
  cards.clear();
  for (const shot of shots) {
    shot.node = null;
    shot.list = null;
    shot.rest = [];
  }
};
