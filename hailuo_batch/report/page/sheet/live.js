// While an apply runs, the page is rewritten every few seconds. A page from disk cannot ask whether it was: it offers to
// reload, or reloads automatically once the reader has let it rest.

const EVERY_S = 10;
const SILENT_S = 180;

const live = (() => {
  const age = () => Math.max(0, Math.round((Date.now() - Date.parse(report.generated_at)) / 1000));
  const isBusy = () => document.hidden || document.querySelector("dialog[open]") !== null || !getSelection().isCollapsed
    || [...document.querySelectorAll("video")].some((video) => !video.paused)
    || document.activeElement?.matches("input[type=search], select");
  const again = () => location.reload();
  const message = el("span", {});
  const pulse = el("span", { class: "pulse", "aria-hidden": "true" });
  const auto = el("input", { type: "checkbox" });
  const update = () => {
    const ago = age();
    pulse.classList.toggle("still", ago >= SILENT_S);
    message.textContent = ago < SILENT_S ? `An apply is running. This page was written ${duration(ago)} ago.`
      : `No update for ${duration(ago)}. If reloading changes nothing, the apply has stopped.`;
  };
  const start = () => {
    if (!report.applying) return;
    auto.checked = session.read().auto === true;
    byId("head").append(el("div", { class: "live" }, pulse, message,
      on(el("button", { type: "button", id: "reload" }, "Reload"), "click", again),
      el("label", {}, auto, ` automatically, every ${EVERY_S} s`)));
    update();
    const loaded = performance.now();
    let checked = loaded;
    for (const type of ["keydown", "pointerdown", "wheel", "touchmove"]) addEventListener(type, () => { checked = performance.now(); }, { passive: true });
    setInterval(() => {
      update();
      if (!auto.checked || isBusy()) checked = performance.now();
      else if (performance.now() - checked >= EVERY_S * 1000) again();
    }, 1000);
  };
  return { start, auto: () => auto.checked };
})();
