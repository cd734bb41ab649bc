// Facts about a take, computed from the model: its run, texts, costs and times.

const liveRun = (take) => take.runs.findLast((run) => !run.superseded) ?? null;
// The run whose video stands for the take: the live one, or where that has no file here, the newest attempt that has one.
const shownRun = (take) => {
  const live = liveRun(take);
  if (take.runs.length < 2 || (live && saved(live.outputs).length)) return live;
  return take.runs.findLast((run) => run.run_id && saved(run.outputs).length) ?? live;
};
const shownOutputs = (take) => saved(shownRun(take)?.outputs ?? take.outputs);
const isStandIn = (take) => shownRun(take) !== liveRun(take);
const promptOf = (take) => (typeof take.input.prompt === "string" ? take.input.prompt : "");
const saved = (outputs) => outputs.filter((output) => output.path !== null);
const seconds = (run) => {
  if (!run || !run.submitted_at) return null;
  const until = run.completed_at ?? (["pending", "processing"].includes(run.state) ? report.generated_at : null);
  return until === null ? null : Math.max(0, Math.round((Date.parse(until) - Date.parse(run.submitted_at)) / 1000));
};
const lasting = (all) => {
  if (all < 60) return `${all} s`;
  if (all < 3600) return `${Math.floor(all / 60)} min${all % 60 ? ` ${all % 60} s` : ""}`;
  return `${number(Math.floor(all / 3600))} h${Math.floor((all % 3600) / 60) ? ` ${Math.floor((all % 3600) / 60)} min` : ""}`;
};
const took = (run) => {
  const lasted = seconds(run);
  if (lasted === null) return "";
  if (!run.completed_at) return `${lasting(lasted)} so far`;
  return run.state === "succeeded" ? `made in ${lasting(lasted)}` : `after ${lasting(lasted)}`;
};
const price = (run) => {
  if (!run) return "";
  if (run.cost_micro_usd === null) return run.run_id === null ? "" : "cost unknown";
  return run.state === "failed" ? `${usd(run.cost_micro_usd)}, refunded` : usd(run.cost_micro_usd);
};
const facts = (run) => [price(run), took(run)].filter(Boolean).join(" · ");

// The class hides a part of the node, until the reader asks for all of it.
const foldable = (node, kind) => {
  node.classList.add(kind);
  const button = el("button", { type: "button", class: "quiet", "aria-expanded": "false" }, "Show all");
  on(button, "click", () => {
    const folded = node.classList.toggle(kind);
    button.setAttribute("aria-expanded", String(!folded));
    button.textContent = folded ? "Show all" : "Show less";
  });
  return [node, el("div", {}, button)];
};
const longText = (text, kind = "prompt", short = 280) => {
  const paragraph = el("p", { class: kind, dir: "auto" }, text);
  return text.length <= short && text.split("\n").length <= 4 ? [paragraph] : foldable(paragraph, "clamped");
};

// The page makes no request to a network: images that are embedded or lie beside it are shown, others are links that the
// reader opens. An image of which there is a small picture is both.
const reference = (image, index) => {
  const name = `Reference image ${index + 1}`;
  const isShown = typeof image === "object" && image !== null;
  const text = isShown ? image.url ?? "" : String(image);
  const short = text.replace(/[?#].*$/s, "").split("/").at(-1) || text;
  const label = text === "" ? name : `${name}: ${short}`;
  const picture = isShown ? el("img", { src: report.pictures[image.picture], alt: label, loading: "lazy" }) : null;
  if (!/^https?:\/\//i.test(text)) return el("li", isShown ? {} : { class: "mono", title: text }, picture ?? text);
  const link = { href: text, rel: "noopener noreferrer", target: "_blank", title: text, "aria-label": label };
  return el("li", {}, el("a", link, picture ?? [short, icon("out")]));
};
const references = (take) => {
  const images = Array.isArray(take.input.image_urls) ? take.input.image_urls : [];
  return images.length ? el("ul", { class: "images", "aria-label": "Reference images" }, images.map(reference)) : null;
};
const flaws = (outputs) => saved(outputs).filter((output) => output.flaw);
const isDamaged = (take) => take.state === "done" && flaws(take.outputs).length > 0;
const reason = (run) => {
  if (!run) return null;
  const text = run.error || flaws(run.outputs).map(({ path, flaw }) => `${path}: ${flaw}`).join("; ");
  return text ? longText(text, "reason") : null;
};
const inputOf = (take) => [...longText(promptOf(take)), references(take), ...briefVariables(take)];
