// What needs attention: one line for each kind, with one command, and everything about it folded away.

const LINES = 3; // in sight; more kinds are behind one line
const CASES_SHOWN = 50;

const ways = (run) => el("div", { class: "ways" }, run.advice.commands.map(command), run.run_id ? item(run.run_id, "the run ID") : "",
  run.submitted_at ? el("p", { class: "facts" }, "sent ", moment(run.submitted_at)) : "");
const whenOpen = (details, content) => on(details, "toggle", () => { if (details.open && details.childNodes.length === 1) details.append(...content()); });
const caseOf = ([take, run]) => el("li", { class: "case" },
  el("p", { class: "name" }, on(el("a", { href: `#take-${take.id}` }, take.id), "click", (event) => {
    event.preventDefault();
    current.set(take, { focus: true });
  }), run.superseded ? ` attempt ${run.attempt}` : ""),
  reason(run),
  whenOpen(el("details", {}, el("summary", {}, "Commands for this take")), () => [ways(run)]));
const casesOf = (pairs) => {
  const list = el("ul", { class: "cases" }, pairs.slice(0, CASES_SHOWN).map(caseOf));
  if (pairs.length <= CASES_SHOWN) return [list];
  const more = el("button", { type: "button", class: "more" }, `Show all ${number(pairs.length)}`);
  return [list, on(more, "click", () => { list.append(...pairs.slice(CASES_SHOWN).map(caseOf)); more.remove(); })];
};
const kindLine = ({ state, text, commands, attempts: found }) => {
  const pairs = found.map(([index, attempt]) => [report.takes[index], report.takes[index].runs.find((run) => run.attempt === attempt)]);
  const summary = el("summary", {}, stateMark(state), el("b", {}, plural(pairs.length, "take", "takes")), el("span", { class: "gist" }, text));
  const details = whenOpen(el("details", {}, summary), () => [el("div", { class: "whole" },
    el("p", {}, text), commands.map(command), ...casesOf(pairs))]);
  return el("li", { class: "issue" }, details, commands.length ? command(commands[0]) : null);
};
const showAttention = () => {
  const kinds = report.attention;
  if (kinds.length === 0) return;
  const count = kinds.reduce((sum, { attempts: found }) => sum + found.length, 0);
  const inSight = kinds.length <= LINES ? kinds : kinds.slice(0, LINES - 1);
  const others = kinds.slice(inSight.length);
  const lines = (some) => el("ul", { class: "issues" }, some.map(kindLine));
  byId("attention").append(el("h2", { id: "attention-title" }, `Needs attention (${number(count)})`), lines(inSight));
  if (others.length) {
    const names = [...new Set(others.map(({ state }) => WORDS[state].toLowerCase()))].join(", ");
    const size = others.reduce((sum, { attempts: found }) => sum + found.length, 0);
    byId("attention").append(whenOpen(el("details", { class: "others" },
      el("summary", {}, `${number(others.length)} more kinds: ${names} (${plural(size, "take", "takes")})`)), () => [lines(others)]));
  }
  byId("attention").hidden = false;
  addEventListener("beforeprint", () => {
    // the events come too late for a printout
    const open = (details) => { if (!details.open) { details.open = true; details.dispatchEvent(new Event("toggle")); } };
    for (const selector of [".others", ".issue > details"]) byId("attention").querySelectorAll(selector).forEach(open);
    for (const more of byId("attention").querySelectorAll(".more")) more.click();
  });
};
