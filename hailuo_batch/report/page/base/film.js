// The pictures on the sheet: a still of each video near the viewport, and the video itself while it plays, under the
// pointer or the focus. A video without a still of its own lends its first picture and is let go again, a few at a time:
// no browser holds hundreds of videos. Far from the viewport nothing is held.

const still = matchMedia("(prefers-reduced-motion: reduce)");
const printing = matchMedia("print"); // a printout has no viewport: keep what is loaded
const SCREEN = 16 / 9;
const MOST_LOADING = 6;
const RESTED_MS = 100; // scrolling has ended
const BETWEEN_MS = 100; // while it goes on, one video after the other: to begin one takes the time of a frame
const STILL_PX = 480;
const relative = (path) => `./${path.split("/").map(encodeURIComponent).join("/")}`;

const almostFits = (width, height) => Math.abs(width / height / SCREEN - 1) < 0.02; // no thin stripe beside it
const cannotPlay = () => el("span", { class: "broken" }, "This file cannot be played from here.");
const isWatched = (screen) => screen.matches(":hover, :focus-visible") && !still.matches;
const videoOf = (screen) => screen.querySelector("video");

const unload = (video) => {
  video.removeAttribute("src");
  video.load();
  video.remove();
};
const loading = new Set(); // screens whose video is on its way to lend its first picture
const waiting = new Set(); // screens that are next
let scrolling = 0; // the timer that ends it
let latest = 0;
const hasRoom = () => (scrolling ? loading.size === 0 && performance.now() - latest >= BETWEEN_MS : loading.size < MOST_LOADING);
const loadNext = () => {
  for (const screen of waiting) {
    if (!hasRoom()) return;
    latest = performance.now();
    waiting.delete(screen);
    if (screen.querySelector("video, .poster, .broken")) continue;
    loading.add(screen);
    load(screen);
  }
};
addEventListener("scroll", () => {
  clearTimeout(scrolling);
  scrolling = setTimeout(() => { scrolling = 0; loadNext(); }, RESTED_MS);
  loadNext();
}, { passive: true });
const hasLoaded = (screen) => { if (loading.delete(screen)) loadNext(); };
const drawStill = (screen, video) => {
  const scale = Math.min(1, STILL_PX / Math.max(video.videoWidth, video.videoHeight));
  const [width, height] = [video.videoWidth, video.videoHeight].map((side) => Math.max(1, Math.round(side * scale)));
  const picture = el("canvas", { class: "poster pictured", width, height });
  picture.classList.toggle("fits", almostFits(width, height));
  picture.getContext("2d").drawImage(video, 0, 0, width, height);
  screen.prepend(picture);
  if (!isWatched(screen)) unload(video);
};
const load = (screen) => {
  const video = el("video", { loop: true, playsinline: true, preload: "metadata", tabindex: "-1", "aria-hidden": "true" });
  video.muted = true;
  on(video, "loadedmetadata", () => { video.classList.toggle("fits", almostFits(video.videoWidth, video.videoHeight)); });
  on(video, "loadeddata", () => {
    if (!screen.querySelector(".poster")) drawStill(screen, video);
    hasLoaded(screen);
  });
  on(video, "error", () => {
    if (!video.isConnected) return;
    video.remove();
    screen.append(cannotPlay());
    hasLoaded(screen);
  });
  const poster = screen.querySelector(".poster");
  if (poster) poster.after(video);
  else screen.prepend(video);
  video.src = `${relative(screen.dataset.path)}#t=0.001`; // slightly after 0, so that a frame shows and not a blank
};
const showStill = (screen) => {
  const picture = el("img", { class: "poster", alt: "", decoding: "async", draggable: "false" });
  on(picture, "error", () => { // it was removed since the page was written
    if (!picture.isConnected) return;
    picture.remove();
    delete screen.dataset.poster;
    borrowStill(screen);
  });
  on(picture, "load", () => {
    picture.classList.add("pictured");
    picture.classList.toggle("fits", almostFits(picture.naturalWidth, picture.naturalHeight));
  });
  picture.src = relative(screen.dataset.poster);
  screen.prepend(picture);
};
const borrowStill = (screen) => {
  waiting.add(screen);
  loadNext();
};
const clearScreen = (screen) => {
  waiting.delete(screen);
  if (videoOf(screen)) unload(videoOf(screen));
  screen.querySelector(".poster")?.remove();
  hasLoaded(screen);
};
const near = new IntersectionObserver((entries) => {
  if (printing.matches) return;
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) clearScreen(target);
    else if (!target.querySelector("video, .poster, .broken")) (target.dataset.poster ? showStill : borrowStill)(target);
  }
}, { rootMargin: "400px 0px" });

const wake = ({ currentTarget: screen }) => {
  if (still.matches || screen.querySelector(".broken")) return;
  if (!videoOf(screen)) load(screen);
  videoOf(screen).play().catch(() => {});
};
const rest = ({ currentTarget: screen }) => {
  const video = videoOf(screen);
  if (!video || isWatched(screen)) return;
  if (screen.querySelector(".poster")) unload(video);
  else video.pause();
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
const STANDS_IN = "the video before is shown";
const rerollState = (take) => `Re-roll ${WORDS[take.state].toLowerCase()}`;
// The state of a take; where its video is an earlier one, that it is.
const takeMark = (take) => (isStandIn(take) ? stateMark(take.state, `${rerollState(take)}; ${STANDS_IN}`) : stateMark(take.state));
const noFilm = (take) => el("div", { class: "screen" }, el("p", {}, NO_FILM[take.state] ?? ""));
