// While an apply is at work the page is written anew every few seconds. A page from disk cannot ask whether it was: it
// offers to load itself again, or does so by itself while nobody is in the middle of something.

const EVERY_S = 10;
const SILENT_S = 180;

const live = (() => {
  const age = () => Math.max(0, Math.round((Date.now() - Date.parse(report.generated_at)) / 1000));
  const isBusy = () => document.hidden || viewer.isOpen() || exporter.isOpen() || !getSelection().isCollapsed
    || [...document.querySelectorAll("video")].some((video) => !video.paused)
    || document.activeElement?.matches("input[type=search], select");
  const again = () => location.reload();
  const told = el("span", {});
  const pulse = el("span", { class: "pulse", "aria-hidden": "true" });
  const auto = el("input", { type: "checkbox" });
  const tell = () => {
    const ago = age();
    pulse.classList.toggle("still", ago >= SILENT_S);
    told.textContent = ago < SILENT_S ? `An apply is at work. This page was written ${duration(ago)} ago.`
      : `No news for ${duration(ago)}. If a reload changes nothing, the apply has ended without a last word.`;
  };
  const start = () => {
    if (!report.applying) return;
    auto.checked = session.read().auto === true;
    byId("head").append(el("div", { class: "live" }, pulse, told,
      on(el("button", { type: "button", id: "reload" }, "Reload"), "click", again),
      el("label", {}, auto, ` every ${EVERY_S} s by itself`)));
    tell();
    const loaded = performance.now();
    let checked = loaded;
    setInterval(() => {
      tell();
      if (!auto.checked || isBusy()) checked = performance.now();
      else if (performance.now() - checked >= EVERY_S * 1000) again();
    }, 1000);
  };
  return { start, auto: () => auto.checked };
})();
