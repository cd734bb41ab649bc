// The head of the sheet: the campaign, its progress and its cost, in as few lines as it takes.

const SHORT_DESCRIPTION = 160; // characters: longer ones are folded

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
    el("div", { class: "title" },
      el("h1", {}, report.campaign),
      el("p", { class: "eyebrow" }, el("span", {}, "Contact sheet"), moment(report.generated_at),
        el("span", { class: "pill" }, isSandbox ? "Sandbox: a practice run, no real money" : report.endpoint))),
    money(),
    ...(report.description ? [el("div", { class: "purpose" }, longText(report.description, "description", SHORT_DESCRIPTION))] : []),
    el("div", { class: "progress" },
      report.totals.takes ? meter() : null,
      el("div", { class: "line" },
        el("p", { class: "total" }, el("b", {}, `${number(report.totals.done)} of ${plural(report.totals.takes, "take", "takes")}`),
          damaged ? ` done (${number(damaged)} damaged)` : " done"), states)));
  if (open > 0 && !report.applying) {
    byId("head").append(el("div", { class: "resume" },
      el("span", { class: "soft" }, `${plural(open, "take is", "takes are")} not finished. To continue:`),
      command(report.resume_command)));
  }
};
