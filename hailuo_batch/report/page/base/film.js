// The videos on the sheet, playing under the pointer or the focus. One that has a still shows it, and is loaded only to be
// played; one that has none is loaded near the viewport. Far from the viewport neither is held.

const still = matchMedia("(prefers-reduced-motion: reduce)");
const printing = matchMedia("print"); // a printout has no viewport: keep what is loaded
const SCREEN = 16 / 9;
const relative = (path) => `./${path.split("/").map(encodeURIComponent).join("/")}`;

const almostFits = (width, height) => Math.abs(width / height / SCREEN - 1) < 0.02; // no thin stripe beside it
const cannotPlay = () => el("span", { class: "broken" }, "This file cannot be played from here.");
const load = (screen, over) => {
  const video = el("video", { loop: true, playsinline: true, preload: "metadata", tabindex: "-1", "aria-hidden": "true" });
  video.muted = true;
  on(video, "loadedmetadata", () => {
    video.classList.toggle("fits", almostFits(video.videoWidth, video.videoHeight));
  });
  on(video, "loadeddata", () => { video.classList.add("pictured"); }); // print no empty frames
  on(video, "error", () => {
    video.remove();
    screen.append(cannotPlay());
  });
  video.src = `${relative(screen.dataset.path)}#t=0.001`; // slightly after 0, so that a frame shows and not a blank
  if (over) over.after(video);
  else screen.prepend(video);
};
const showStill = (screen) => {
  const picture = el("img", { class: "poster", alt: "", decoding: "async", draggable: "false" });
  on(picture, "error", () => { // it was removed since the page was written
    if (!picture.isConnected) return;
    picture.remove();
    delete screen.dataset.poster;
    if (!screen.querySelector("video, .broken")) load(screen);
  });
  on(picture, "load", () => {
    picture.classList.add("pictured");
    picture.classList.toggle("fits", almostFits(picture.naturalWidth, picture.naturalHeight));
  });
  picture.src = relative(screen.dataset.poster);
  screen.prepend(picture);
};
const unload = (video) => {
  video.removeAttribute("src");
  video.load();
  video.remove();
};
const clearScreen = (screen) => {
  const video = screen.querySelector("video");
  if (video) unload(video);
  screen.querySelector(".poster")?.remove();
};
const near = new IntersectionObserver((entries) => {
  if (printing.matches) return;
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) clearScreen(target);
    else if (!target.querySelector("video, .poster, .broken")) (target.dataset.poster ? showStill : load)(target);
  }
}, { rootMargin: "400px 0px" });

const wake = ({ currentTarget: screen }) => {
  if (still.matches) return;
  const poster = screen.querySelector(".poster");
  if (poster && !screen.querySelector("video, .broken")) load(screen, poster);
  screen.querySelector("video")?.play().catch(() => {});
};
const rest = ({ currentTarget: screen }) => {
  if (screen.matches(":hover, :focus-visible")) return;
  const video = screen.querySelector("video");
  if (video && screen.querySelector(".poster")) unload(video);
  else video?.pause();
};
const film = (output, label, show) => {
  const attributes = { type: "button", class: "screen film", "data-path": output.path, "data-poster": output.poster, "aria-label": `Play ${label} in full view` };
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
