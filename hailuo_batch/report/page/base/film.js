// The videos on the sheet: loaded near the viewport, unloaded far from it, playing under the pointer or the focus.

const still = matchMedia("(prefers-reduced-motion: reduce)");
const printing = matchMedia("print"); // a printout has no viewport: keep what is loaded
const SCREEN = 16 / 9;
const relative = (path) => `./${path.split("/").map(encodeURIComponent).join("/")}`;

const load = (screen) => {
  const video = el("video", { loop: true, playsinline: true, preload: "metadata", tabindex: "-1", "aria-hidden": "true" });
  video.muted = true;
  on(video, "loadedmetadata", () => {
    const ratio = video.videoWidth / video.videoHeight;
    video.classList.toggle("fits", Math.abs(ratio / SCREEN - 1) < 0.02); // no thin stripe beside a video that almost fits
  });
  on(video, "loadeddata", () => { video.classList.add("pictured"); }); // print no empty frames
  on(video, "error", () => {
    video.remove();
    screen.append(el("span", { class: "broken" }, "This file cannot be played from here."));
  });
  video.src = `${relative(screen.dataset.path)}#t=0.001`; // slightly after 0, so that a frame shows and not a blank
  screen.prepend(video);
};
const unload = (video) => {
  video.removeAttribute("src");
  video.load();
  video.remove();
};
const near = new IntersectionObserver((entries) => {
  if (printing.matches) return;
  for (const { target, isIntersecting } of entries) {
    const video = target.querySelector("video");
    if (isIntersecting && !video && !target.querySelector(".broken")) load(target);
    else if (!isIntersecting && video) unload(video);
  }
}, { rootMargin: "400px 0px" });

const wake = ({ currentTarget }) => { if (!still.matches) currentTarget.querySelector("video")?.play().catch(() => {}); };
const rest = ({ currentTarget: screen }) => {
  if (!screen.matches(":hover, :focus-visible")) screen.querySelector("video")?.pause();
};
const film = (output, label, show) => {
  const attributes = { type: "button", class: "screen film", "data-path": output.path, "aria-label": `Play ${label} in full view` };
  const screen = el("button", attributes, el("span", { class: "corner" }, icon("open")));
  for (const type of ["pointerenter", "focus"]) on(screen, type, wake);
  for (const type of ["pointerleave", "blur"]) on(screen, type, rest);
  on(screen, "click", show);
  near.observe(screen);
  return screen;
};

const NO_FILM = {
  waiting: "Nothing sent yet", in_doubt: "The request got no answer; a run may exist", running: "Being made at Runbase",
  downloading: "Finished; its file is not downloaded yet", failed: "The run failed and was refunded",
  rejected: "The API refused this input", lost: "The API does not know this run", abandoned: "Given up", done: "No file",
};
const noFilm = (take) => el("div", { class: "screen" }, el("p", {}, NO_FILM[take.state] ?? ""));
