"use strict";
// Builds the page from the model. Text reaches the document as text nodes and attributes only, never as markup.
(() => {
  const report = JSON.parse(document.getElementById("model").textContent);
  const WORDS = {
    waiting: "Waiting", in_doubt: "In doubt", running: "Running", downloading: "Downloading", done: "Done",
    failed: "Failed", rejected: "Rejected", lost: "Lost", abandoned: "Abandoned",
    pending: "Queued", processing: "Running", succeeded: "Succeeded",
  };
  const ORDER = ["done", "downloading", "running", "waiting", "in_doubt", "failed", "rejected", "lost", "abandoned"];
  const ISSUES_SHOWN = 12;
  const SHOTS_AT_ONCE = 40; // a page of thousands opens with its first and builds on while it is looked at

  const el = (tag, attributes, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== ""));
    return node;
  };
  const byId = (id) => document.getElementById(id);
  const plural = (count, one, many) => `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;

  const usd = (micro) => {
    const size = Math.abs(micro);
    const decimals = String(size % 1e6).padStart(6, "0").replace(/0+$/, "").padEnd(2, "0");
    return `${micro < 0 ? "-" : ""}$${Math.floor(size / 1e6).toLocaleString("en-US")}.${decimals}`;
  };
  const lasted = (run) => {
    if (!run || !run.submitted_at || !run.completed_at) return "";
    const seconds = Math.max(0, Math.round((Date.parse(run.completed_at) - Date.parse(run.submitted_at)) / 1000));
    if (seconds < 60) return `${seconds}s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
    return `${Math.floor(seconds / 3600)}h ${Math.floor((seconds % 3600) / 60)}m`;
  };
  const moment = (text) => {
    const shown = new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    return el("time", { datetime: text }, shown);
  };
  const stateMark = (state) => el("span", { class: `state t-${state}` }, WORDS[state] ?? state);
  const liveRun = (take) => take.runs.findLast((run) => !run.superseded) ?? null;
  const promptOf = (take) => (typeof take.input.prompt === "string" ? take.input.prompt : "");

  const say = (text) => { byId("said").textContent = text; };
  const copyButton = (text, what) => {
    const button = el("button", { type: "button", class: "quiet", "aria-label": `Copy ${what}` }, "Copy");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
        say(`Copied ${what}`);
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      } catch {
        getSelection().selectAllChildren(button.previousElementSibling);
        say(`Selected ${what}; copy it with the keyboard`);
      }
    });
    return button;
  };
  const command = (text) => el("div", { class: "command" }, el("code", {}, text), copyButton(text, "the command"));
  const item = (text, what) =>
    el("div", { class: "item" }, el("span", { class: "mono", title: text }, text), copyButton(text, what));

  const longText = (text) => {
    const paragraph = el("p", { class: "prompt", dir: "auto" }, text);
    if (text.length <= 280 && text.split("\n").length <= 4) return [paragraph];
    paragraph.classList.add("clamped");
    const button = el("button", { type: "button", class: "quiet", "aria-expanded": "false" }, "Show all");
    button.addEventListener("click", () => {
      const clamped = paragraph.classList.toggle("clamped");
      button.setAttribute("aria-expanded", String(!clamped));
      button.textContent = clamped ? "Show all" : "Show less";
    });
    return [paragraph, el("div", {}, button)];
  };

  // A video is loaded while it is near the viewport and let go when it is far: browsers allow only so many players.
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting && !target.hasAttribute("src")) {
        target.preload = "metadata";
        target.src = `${target.dataset.path}#t=0.001`;
      } else if (!isIntersecting && target.paused && target.hasAttribute("src")) {
        target.preload = "none";
        target.removeAttribute("src");
        target.load();
      }
    }
  }, { rootMargin: "600px 0px" });

  // At rest a video shows its picture alone; under the pointer or the focus it plays and has its controls.
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const wake = ({ currentTarget: video }) => {
    video.controls = true;
    if (!still.matches) video.play().catch(() => {});
  };
  const rest = ({ currentTarget: video }) => {
    if (video.matches(":hover, :focus") || document.fullscreenElement === video) return;
    video.pause();
    video.controls = false;
  };
  const relative = (path) => `./${path.split("/").map(encodeURIComponent).join("/")}`;
  const film = (output, label) => {
    const screen = el("div", { class: "screen film" });
    const attributes = { tabindex: "0", loop: true, playsinline: true, preload: "none", "aria-label": label };
    const video = el("video", { ...attributes, "data-path": relative(output.path) });
    video.muted = true;
    video.addEventListener("error", () => {
      if (!video.hasAttribute("src") || screen.querySelector(".broken")) return;
      screen.append(el("p", { class: "broken" }, `${output.path} cannot be played from here.`));
    });
    for (const type of ["pointerenter", "focus"]) video.addEventListener(type, wake);
    for (const type of ["pointerleave", "blur"]) video.addEventListener(type, rest);
    screen.append(video);
    near.observe(video);
    return screen;
  };
  const PENDING_TEXT = {
    waiting: "Nothing sent yet", in_doubt: "It is not known whether this run exists", running: "Being made at Runbase",
    downloading: "Made; its file is still to come", failed: "The run failed; refunded",
    rejected: "The API refused this input", lost: "The API does not know this run", abandoned: "Given up",
    done: "No file",
  };
  const screens = (take) => {
    const saved = take.outputs.filter((output) => output.path !== null);
    if (saved.length === 0) return [el("div", { class: "screen" }, el("p", {}, PENDING_TEXT[take.state] ?? ""))];
    return saved.map((output, index) => {
      const label = saved.length > 1 ? `${take.id}, video ${index + 1} of ${saved.length}` : take.id;
      return film(output, label);
    });
  };

  const price = (run) => {
    if (!run) return "";
    if (run.cost_micro_usd === null) return run.run_id === null ? "" : "cost unknown";
    return run.state === "failed" ? `${usd(run.cost_micro_usd)}, refunded` : usd(run.cost_micro_usd);
  };
  const facts = (run) => [price(run), lasted(run)].filter(Boolean).join(" · ");
  const attempts = (take) => {
    const earlier = take.runs.filter((run) => run.superseded);
    if (earlier.length === 0) return null;
    const entry = (run) => el("li", {},
      el("div", { class: "row" }, stateMark(run.state), el("span", { class: "soft" }, `attempt ${run.attempt}`,
        facts(run) ? ` · ${facts(run)}` : "")),
      run.error ? el("p", { class: "reason", dir: "auto" }, run.error) : null,
      run.run_id ? item(run.run_id, "the run ID") : null,
      run.outputs.filter((output) => output.path !== null).map((output) =>
        film(output, `${take.id}, attempt ${run.attempt}`)));
    return el("details", {}, el("summary", {}, plural(earlier.length, "earlier attempt", "earlier attempts")),
      el("ul", { class: "attempts" }, earlier.map(entry)));
  };
  const takeCard = (take, _, takes) => {
    const run = liveRun(take);
    const files = take.outputs.filter((output) => output.path !== null);
    return el("li", { class: "take", id: `take-${take.id}` }, screens(take),
      el("div", { class: "row" }, stateMark(take.state), el("span", { class: "facts" }, facts(run))),
      takes.length === 1 && take.id === take.shot ? null : el("p", { class: "name" }, take.id),
      take.in_manifest ? null : el("p", { class: "facts" }, "no longer in the manifest"),
      run && run.error ? el("p", { class: "reason", dir: "auto" }, run.error) : null,
      el("div", { class: "items" }, files.map((output) => item(output.path, "the file name")),
        run && run.run_id ? item(run.run_id, "the run ID") : null),
      attempts(take));
  };

  const image = (reference) => {
    const text = String(reference);
    const link = /^https?:\/\//i.test(text);
    return el("li", { title: text }, link ? el("a", { href: text, rel: "noopener noreferrer", target: "_blank" }, text) : text);
  };
  const inputOf = (take) => [
    ...longText(promptOf(take)),
    Array.isArray(take.input.image_urls) && take.input.image_urls.length
      ? el("ul", { class: "images", "aria-label": "Reference images" }, take.input.image_urls.map(image)) : null,
  ];
  const shotSection = (shot, takes, index) => {
    // Takes of one shot share their input unless an edit left some of them behind.
    const inputs = [...new Map(takes.map((take) => [take.fingerprint, take])).values()];
    const done = takes.filter((take) => take.state === "done").length;
    const tags = [...new Set(takes.flatMap((take) => take.tags))];
    const section = el("section", { class: "shot", "aria-labelledby": `shot-${index}` },
      el("div", { class: "row" }, el("h2", { id: `shot-${index}` }, shot),
        takes.length > 1 ? el("span", { class: "facts" }, `${done} of ${takes.length} done`) : null),
      el("ul", { class: "takes" }, takes.map(takeCard)), inputs.flatMap(inputOf),
      tags.length ? el("ul", { class: "tags", "aria-label": "Tags" }, tags.map((tag) => el("li", {}, tag))) : null);
    section.style.setProperty("--takes", takes.length);
    return section;
  };

  const issue = ([take, run]) => el("li", { class: "issue" },
    el("div", { class: "row" },
      el("h3", {}, el("a", { href: `#take-${take.id}` }, take.id), run.superseded ? ` attempt ${run.attempt}` : ""),
      stateMark(run.state)),
    run.error ? el("p", { class: "reason", dir: "auto" }, run.error) : null,
    el("p", {}, run.advice.text), run.advice.commands.map(command), longText(promptOf(take)),
    run.run_id ? item(run.run_id, "the run ID") : null,
    run.submitted_at ? el("p", { class: "facts" }, "sent ", moment(run.submitted_at)) : null);
  const showAttention = () => {
    const issues = report.takes.flatMap((take) => take.runs.filter((run) => run.advice).map((run) => [take, run]));
    if (issues.length === 0) return;
    const list = el("ul", { class: "issues" }, issues.slice(0, ISSUES_SHOWN).map(issue));
    const section = byId("attention");
    section.append(el("h2", { id: "attention-title" }, `Needs you (${issues.length.toLocaleString("en-US")})`), list);
    if (issues.length > ISSUES_SHOWN) {
      const button = el("button", { type: "button", class: "more" }, `Show all ${issues.length.toLocaleString("en-US")}`);
      button.addEventListener("click", () => { list.append(...issues.slice(ISSUES_SHOWN).map(issue)); button.remove(); });
      section.append(button);
    }
    section.hidden = false;
  };

  const overview = () => {
    const states = ORDER.filter((state) => report.totals[state] > 0);
    const meter = el("div", { class: "meter", "aria-hidden": "true" }, states.map((state) => {
      const part = el("span", { class: `t-${state}` });
      part.style.flexGrow = report.totals[state];
      return part;
    }));
    const legend = el("ul", { class: "legend", "aria-label": `${plural(report.totals.takes, "take", "takes")} by state` },
      states.map((state) => el("li", { class: `state t-${state}` }, el("b", {}, report.totals[state].toLocaleString("en-US")),
        ` ${WORDS[state].toLowerCase()}`)));
    return el("div", {}, states.length ? meter : null, legend);
  };
  const money = () => {
    const spend = report.spend;
    const entry = (name, amount, note) => el("div", {}, el("dt", {}, name),
      el("dd", {}, amount, note ? el("div", { class: "note" }, note) : null));
    const risk = spend.in_doubt_micro_usd === null ? "unknown" : usd(spend.in_doubt_micro_usd);
    return el("dl", { class: "money" }, entry("Charged", usd(spend.charged_micro_usd)),
      entry("Refunded", usd(spend.refunded_micro_usd)), entry("Net", usd(spend.net_micro_usd)),
      entry("At risk", risk, spend.in_doubt_takes ? `at most; ${plural(spend.in_doubt_takes, "create", "creates")} in doubt` : ""));
  };
  const showHead = () => {
    const rehearsal = report.endpoint === "sandbox";
    const open = ["waiting", "running", "downloading"].reduce((sum, state) => sum + report.totals[state], 0);
    byId("head").append(
      el("div", {},
        el("p", { class: "eyebrow" }, el("span", {}, "Contact sheet"), moment(report.generated_at),
          el("span", { class: "pill" }, rehearsal ? "Sandbox: a rehearsal, no real money" : report.endpoint)),
        el("h1", {}, report.campaign),
        report.description ? el("p", { class: "description", dir: "auto" }, report.description) : null),
      el("div", { class: "overview" }, overview(), money()));
    if (open > 0) {
      byId("head").append(el("div", { class: "resume" },
        el("span", { class: "soft" }, `${plural(open, "take is", "takes are")} not finished. To go on:`),
        command(report.resume_command)));
    }
  };
  const showShots = () => {
    const shots = new Map();
    for (const take of report.takes) {
      if (!shots.has(take.shot)) shots.set(take.shot, []);
      shots.get(take.shot).push(take);
    }
    const left = [...shots].map(([shot, takes], index) => () => shotSection(shot, takes, index));
    const room = byId("shots");
    const build = (count) => {
      room.append(...left.splice(0, count).map((section) => section()));
      room.setAttribute("aria-busy", String(left.length > 0));
    };
    const goOn = () => {
      build(SHOTS_AT_ONCE);
      if (left.length) setTimeout(goOn);
    };
    addEventListener("beforeprint", () => build(Infinity));
    if (left.length) goOn();
    else room.append(el("p", { class: "soft" }, "No takes yet."));
  };

  showHead();
  showAttention();
  showShots();
  byId("foot").append("Made by hailuo-batch from the campaign's ledger. The same facts: report.json, report.md.");
})();
