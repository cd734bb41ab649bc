// The head of the sheet: the campaign, its progress, its cost, and the takes that need attention.

const CASES_SHOWN = 3;

const meter = () => el("div", { class: "meter", "aria-hidden": "true" }, STATES.filter((state) => report.totals[state] > 0)
  .map((state) => {
    const part = el("span", { class: `t-${state}` });
    part.style.flexGrow = report.totals[state];
    return part;
  }));
const money = () => {
  const spend = report.spend;
  const entry = (name, amount, note) => el("div", {}, el("dt", {}, name),
    el("dd", {}, amount, note ? el("div", { class: "note" }, note) : null));
  const risk = spend.in_doubt_micro_usd === null ? "unknown" : usd(spend.in_doubt_micro_usd);
  return el("dl", { class: "money" }, entry("Charged", usd(spend.charged_micro_usd)),
    entry("Refunded", usd(spend.refunded_micro_usd)), entry("Net", usd(spend.net_micro_usd)),
    entry("At risk", risk, spend.in_doubt_takes ? `at most; ${plural(spend.in_doubt_takes, "request", "requests")} in doubt` : ""));
};
const showHead = (states) => {
  const isSandbox = report.endpoint === "sandbox";
  const open = ["waiting", "running", "downloading"].reduce((sum, state) => sum + report.totals[state], 0);
  const damaged = report.takes.filter(isDamaged).length;
  byId("head").append(
    el("div", {},
      el("p", { class: "eyebrow" }, el("span", {}, "Contact sheet"), moment(report.generated_at),
        el("span", { class: "pill" }, isSandbox ? "Sandbox: a practice run, no real money" : report.endpoint)),
      el("h1", {}, report.campaign),
      report.description ? el("p", { class: "description", dir: "auto" }, report.description) : null),
    el("div", { class: "overview" },
      el("div", {}, el("p", { class: "total" }, el("b", {}, `${number(report.totals.done)} of ${plural(report.totals.takes, "take", "takes")}`),
        damaged ? ` done (${number(damaged)} damaged)` : " done"), report.totals.takes ? meter() : null, states),
      money()));
  if (open > 0 && !report.applying) {
    byId("head").append(el("div", { class: "resume" },
      el("span", { class: "soft" }, `${plural(open, "take is", "takes are")} not finished. To continue:`),
      command(report.resume_command)));
  }
};

// Attempts that need attention, one card for each kind of advice, with all its takes below it.
const ways = ([, run]) => [...run.advice.commands.map(command), run.run_id ? item(run.run_id, "the run ID") : "",
  run.submitted_at ? el("p", { class: "facts" }, "sent ", moment(run.submitted_at)) : ""];
const folded = (pair) => {
  const details = el("details", {}, el("summary", {}, "Show the commands"));
  return on(details, "toggle", () => { if (details.childNodes.length === 1) details.append(el("div", { class: "ways" }, ways(pair))); });
};
const caseOf = (pair, alone) => {
  const [take, run] = pair;
  return el("li", { class: "case" },
    el("p", { class: "name" }, on(el("a", { href: `#take-${take.id}` }, take.id), "click", () => sheet.reveal(take)),
      run.superseded ? ` attempt ${run.attempt}` : ""),
    reason(run),
    alone ? el("div", { class: "ways" }, ways(pair)) : folded(pair));
};
const issue = (pairs) => {
  const [[, run]] = pairs;
  const list = el("ul", { class: "cases" }, pairs.slice(0, CASES_SHOWN).map((pair) => caseOf(pair, pairs.length === 1)));
  const more = pairs.length > CASES_SHOWN ? el("button", { type: "button", class: "more" }, `Show all ${number(pairs.length)}`) : null;
  if (more) on(more, "click", () => { list.append(...pairs.slice(CASES_SHOWN).map((pair) => caseOf(pair, false))); more.remove(); });
  return el("li", { class: "issue" },
    el("div", { class: "row" }, el("h3", {}, stateMark(run.state)), el("span", { class: "facts" }, plural(pairs.length, "take", "takes"))),
    el("p", {}, run.advice.text), list, more);
};
const showAttention = () => {
  const pairs = report.takes.flatMap((take) => take.runs.filter((run) => run.advice).map((run) => [take, run]));
  if (pairs.length === 0) return;
  const kinds = grouped(pairs, ([, run]) => `${run.state} ${run.advice.text}`);
  byId("attention").append(el("h2", { id: "attention-title" }, `Needs attention (${number(pairs.length)})`),
    el("ul", { class: "issues" }, [...kinds.values()].map(issue)));
  byId("attention").hidden = false;
  addEventListener("beforeprint", () => { for (const more of byId("attention").querySelectorAll(".more")) more.click(); });
};
