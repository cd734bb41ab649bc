// The sheet itself: the shots that are wanted, in the order that is wanted, each filled while it is near the window.

const AT_ONCE = 8;
const SETTLE_TURNS = 20;
const SETTLE_MS = 1000;
const UNDER_THE_TOOLS = 80; // what ends above this many pixels is hidden by the tools, or as good as gone

const sheet = (() => {
  const room = byId("shots");
  let view = []; // pairs of a shot and its takes that are shown

  const nearby = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) (isIntersecting ? fillShot : emptyShot)(shotOf.get(target.dataset.shot));
  }, { rootMargin: "1500px 0px" });

  const show = (wanted) => {
    view = wanted;
    const nothing = report.takes.length ? "No take fits. Clear the filters to see them all." : "No takes yet.";
    nearby.disconnect();
    room.style.setProperty("--most", view.reduce((sum, [, takes]) => sum + takes.length, 0));
    room.replaceChildren(...(view.length ? view.map(([shot, takes]) => shotNode(shot, takes)) : [el("p", { class: "soft" }, nothing)]));
    for (const [shot] of view.slice(0, AT_ONCE)) fillShot(shot);
    for (const [{ node }] of view) nearby.observe(node);
  };
  const reveal = (take) => {
    if (!view.some(([, takes]) => takes.includes(take))) find.clear();
    fillShot(shotOf.get(take.shot));
  };
  // Where the reader is: the first shot in sight and how far below the window's edge it begins.
  const place = () => {
    if (scrollY < 1) return null;
    const first = [...room.children].find((node) => node.getBoundingClientRect().bottom > UNDER_THE_TOOLS);
    return first?.dataset.shot ? { shot: first.dataset.shot, top: first.getBoundingClientRect().top } : null;
  };
  const goTo = ({ shot: id, top }) => {
    const shot = shotOf.get(id);
    if (!shot || !view.some(([shown]) => shown === shot)) return;
    fillShot(shot);
    // Shots above it find their true height only as they come near: hold it in place until they have, or the reader moves.
    const began = performance.now();
    let turns = 0;
    let held = true;
    for (const type of ["wheel", "touchstart", "pointerdown", "keydown"]) {
      addEventListener(type, () => { held = false; }, { once: true, passive: true });
    }
    const settle = () => {
      const off = shot.node.getBoundingClientRect().top - top;
      if (held && Math.abs(off) > 1) scrollBy(0, off);
      turns += 1;
      if (held && (turns < SETTLE_TURNS || performance.now() - began < SETTLE_MS)) requestAnimationFrame(settle);
    };
    settle();
  };
  addEventListener("beforeprint", () => { for (const [shot] of view) fillShot(shot); });
  return { show, reveal, place, goTo, takes: () => view.flatMap(([, takes]) => takes) };
})();
