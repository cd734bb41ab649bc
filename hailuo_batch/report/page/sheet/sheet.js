// The sheet: the filtered shots in the chosen order, in bands of a few rows. A band is filled while it is near the window
// and laid out while it is visible, so that scrolling costs the same however many shots there are.

const ROWS = 4; // in a band
const WIDE = 5; // from this many columns on, one more or less hardly changes a video's size
const HOLD_TURNS = 20;
const HOLD_MS = 1000;
const HOLD_MOST_MS = 10_000;
const UNDER_THE_TOOLS = 80; // pixels at the top that the tools cover, or more where they have a second row

const sheet = (() => {
  const room = byId("shots");
  const tools = byId("tools");
  let view = []; // pairs: a shot, and those of its takes that are shown
  let bands = []; // elements
  const shotsOf = new Map();
  let columns = 0;

  const fill = (band) => shotsOf.get(band).forEach(fillShot);
  const empty = (band) => shotsOf.get(band)?.forEach(emptyShot);
  const nearby = new IntersectionObserver((entries) => {
    if (printing.matches) return;
    for (const { target, isIntersecting } of entries) (isIntersecting ? fill : empty)(target);
  }, { rootMargin: "1500px 0px" });

  const count = () => view.reduce((sum, [, takes]) => sum + takes.length, 0);
  // The share of the rows that stays empty beside the takes, not counting the last row.
  const spare = (columns) => {
    let empty = 0;
    let at = 0;
    for (const [, takes] of view) {
      const span = Math.min(takes.length, columns);
      if (at + span > columns) { empty += columns - at; at = 0; }
      at += span;
    }
    return empty / columns;
  };
  // The columns that base.css sets for the window's width; with many, one more or less where that at least halves the empty space.
  const columnsNow = () => {
    const usual = Math.min(Number(getComputedStyle(document.documentElement).getPropertyValue("--columns")), Math.max(3, count()));
    if (usual < WIDE) return usual;
    return [usual + 1, usual - 1].reduce((best, other) => spare(other) < Math.min(spare(best), spare(usual) / 2) ? other : best, usual);
  };
  // Bands end where a row of the grid ends, so that they add no gaps. The rest of a row goes to its last shot, whose text
  // then stands beside its takes.
  const cut = () => {
    const groups = [];
    const extra = new Map();
    let at = columns;
    let rows = ROWS;
    for (const entry of view) {
      const span = Math.min(entry[1].length, columns);
      if (at + span > columns) {
        if (groups.length && at < columns) extra.set(groups.at(-1).at(-1)[0], columns - at);
        at = 0;
        if (rows === ROWS) { groups.push([]); rows = 0; }
        rows += 1;
      }
      at += span;
      groups.at(-1).push(entry);
    }
    return [groups, extra];
  };
  const lay = () => {
    columns = columnsNow();
    nearby.disconnect();
    shotsOf.clear();
    room.style.setProperty("--most", count());
    room.style.setProperty("--fit", columns);
    const [groups, extra] = cut();
    bands = groups.map((entries) => {
      const band = el("div", { class: "band" }, entries.map(([shot, takes]) => shotNode(shot, takes, extra.get(shot) ?? 0)));
      shotsOf.set(band, entries.map(([shot]) => shot));
      return band;
    });
    const nothing = report.takes.length ? "No take matches. Clear the filters to see all takes." : "No takes yet.";
    room.replaceChildren(...(bands.length ? bands : [el("p", { class: "soft" }, nothing)]));
    bands.slice(0, 1).forEach(fill);
    bands.forEach((band) => nearby.observe(band));
  };
  const show = (wanted) => { view = wanted; lay(); };
  const reveal = (take) => {
    if (!view.some(([, takes]) => takes.includes(take))) find.clear();
    fill(shotOf.get(take.shot).node.parentNode);
  };
  // The reader's place: the first visible shot, and how far below the window's top it begins.
  const place = () => {
    if (scrollY < 1) return null;
    const covered = Math.max(UNDER_THE_TOOLS, tools.getBoundingClientRect().bottom);
    const inSight = (node) => node.getBoundingClientRect().bottom > covered;
    const first = [...(bands.find(inSight)?.children ?? [])].find(inSight);
    return first ? { shot: first.dataset.shot, top: first.getBoundingClientRect().top } : null;
  };
  let rested = null; // the reader's place when scrolling last ended
  let held = null; // the place that goTo is holding
  for (const type of ["wheel", "touchstart", "pointerdown", "keydown"]) {
    addEventListener(type, () => { held = null; }, { passive: true });
  }
  // Bands above the place get their true height only as they come near: hold the place until they have, or the reader scrolls.
  const goTo = (wanted) => {
    const shot = shotOf.get(wanted.shot);
    if (!shot || !view.some(([shown]) => shown === shot)) return;
    fill(shot.node.parentNode);
    rested = held = wanted;
    const began = performance.now();
    let moved = began;
    let turns = 0;
    const hold = () => {
      const now = performance.now();
      if (held !== wanted) return;
      const off = shot.node.getBoundingClientRect().top - wanted.top;
      if (Math.abs(off) > 1) {
        const from = scrollY;
        scrollBy(0, off);
        if (scrollY !== from) moved = now;
      }
      turns += 1;
      const rests = turns >= HOLD_TURNS && now - moved >= HOLD_MS;
      if (!rests && now - began < HOLD_MOST_MS) requestAnimationFrame(hold);
      else held = null;
    };
    hold();
  };
  new ResizeObserver(() => room.style.setProperty("--under", `${tools.offsetHeight}px`)).observe(tools);
  addEventListener("beforeprint", () => bands.forEach(fill));
  // By the time of a resize event the shots have moved already: remember the place whenever scrolling ends.
  addEventListener("scrollend", () => { if (!held) rested = place(); });
  addEventListener("resize", () => {
    if (columnsNow() === columns) return;
    const before = rested;
    lay();
    if (before) goTo(before);
  });
  return { show, reveal, place, goTo, takes: () => view.flatMap(([, takes]) => takes) };
})();
