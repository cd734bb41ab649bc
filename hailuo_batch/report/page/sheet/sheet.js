// The sheet: the filtered shots in the chosen order, in bands of a few rows. A band is filled while it is near the window
// and laid out while it is visible, so that scrolling costs the same however many shots there are.

const HOLD_TURNS = 20;
const HOLD_MS = 1000;
const HOLD_MOST_MS = 10_000;
const UNDER_THE_TOOLS = 80; // pixels at the top that the tools cover, or more where they have a second row
const MARGIN = 8; // pixels beside the current take

const sheet = (() => {
  const room = byId("shots");
  const tools = byId("tools");
  let view = []; // pairs: a shot, and those of its takes that are shown
  let bands = []; // elements
  const shotsOf = new Map();
  let columns = 0;
  let order = []; // the takes as they stand on the sheet, and the place of each
  let places = new Map();
  let nearby = null;

  // A band without its cards keeps its height: until it was filled, that of the first one.
  const fill = (band) => {
    shotsOf.get(band).forEach(fillShot);
    band.style.minHeight = "";
  };
  const empty = (band, height) => {
    if (band.style.minHeight !== "") return;
    shotsOf.get(band)?.forEach(emptyShot);
    band.style.minHeight = `${height}px`;
  };
  const watch = () => {
    nearby?.disconnect();
    nearby = new IntersectionObserver((entries) => {
      if (printing.matches) return;
      for (const { target, isIntersecting, boundingClientRect } of entries) {
        if (isIntersecting) fill(target);
        else empty(target, boundingClientRect.height);
      }
    }, { rootMargin: `${density.facts().ahead}px 0px` });
    bands.forEach((band) => nearby.observe(band));
  };

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
  // As many columns as there is room for; with many, some more or fewer where that at least halves the empty space.
  const columnsNow = () => {
    const { tile, least, flexible, more } = density.facts();
    const style = getComputedStyle(document.documentElement);
    const fitting = tile === null ? Number(style.getPropertyValue("--columns"))
      : Math.max(least, Math.floor(room.clientWidth / (tile * parseFloat(style.fontSize))));
    const usual = Math.min(fitting, Math.max(3, count()));
    if (usual < flexible) return usual;
    return more.map((by) => usual + by)
      .reduce((best, other) => spare(other) < Math.min(spare(best), spare(usual) / 2) ? other : best, usual);
  };
  // Bands end where a row of the grid ends, so that they add no gaps. The rest of a row goes to its last shot, whose text
  // then stands beside its takes.
  const cut = () => {
    const groups = [];
    const extra = new Map();
    const most = density.facts().rows;
    let at = columns;
    let rows = most;
    for (const entry of view) {
      const span = Math.min(entry[1].length, columns);
      if (at + span > columns) {
        if (groups.length && at < columns) extra.set(groups.at(-1).at(-1)[0], columns - at);
        at = 0;
        if (rows === most) { groups.push([]); rows = 0; }
        rows += 1;
      }
      at += span;
      groups.at(-1).push(entry);
    }
    return [groups, extra];
  };
  const layShots = () => {
    const [groups, extra] = cut();
    bands = groups.map((entries) => {
      const band = el("div", { class: "band" }, entries.map(([shot, takes]) => shotNode(shot, takes, extra.get(shot) ?? 0)));
      shotsOf.set(band, entries.map(([shot]) => shot));
      return band;
    });
    room.replaceChildren(...bands);
    fill(bands[0]);
    if (bands.length > 1) {
      bands[0].style.contentVisibility = "visible"; // else it is measured as if it were empty
      const usual = `${bands[0].offsetHeight}px`;
      bands[0].style.contentVisibility = "";
      room.style.setProperty("--band", usual);
      for (const band of bands.slice(1)) band.style.minHeight = usual;
    }
    watch();
  };
  const lay = () => {
    columns = columnsNow();
    nearby?.disconnect();
    shotsOf.clear();
    bands = [];
    room.style.setProperty("--most", count());
    room.style.setProperty("--fit", columns);
    room.classList.toggle("grid", matrix.isOn());
    const takes = view.flatMap(([, shown]) => shown);
    if (takes.length === 0) {
      const nothing = report.takes.length ? "No take matches. Clear the filters to see all takes." : "No takes yet.";
      room.replaceChildren(el("p", { class: "soft" }, nothing));
    } else if (matrix.isOn()) room.replaceChildren(matrix.lay(takes));
    else layShots();
    order = matrix.isOn() && takes.length ? matrix.takes() : takes;
    places = new Map(order.map((take, index) => [take, index]));
  };
  const placeOf = (take) => places.get(take) ?? -1;
  let size = "";
  const show = (wanted) => {
    view = wanted;
    const before = order;
    const at = placeOf(current.take());
    const hadFocus = room.contains(document.activeElement);
    const now = `${density.name()} ${matrix.isOn()}`;
    if (size !== now) forgetCards();
    size = now;
    lay();
    room.style.setProperty("--under", `${tools.offsetHeight}px`); // at once, as it may have a row more or less
    const isHere = (take) => places.has(take);
    current.laid(hadFocus, before.slice(at + 1).find(isHere) ?? before.slice(0, Math.max(at, 0)).findLast(isHere) ?? order[0] ?? null);
  };
  // The card of a take on the sheet, in the document.
  const cardAt = (take) => {
    if (!places.has(take)) return null;
    if (matrix.isOn()) matrix.ready(take);
    else fill(shotOf.get(take.shot).node.parentNode);
    return cards.get(take.id) ?? null;
  };
  const reveal = (take) => {
    if (!places.has(take)) find.clear();
    return cardAt(take);
  };
  // What of the window neither the tools nor the bar covers.
  const clear = () => [Math.max(0, tools.getBoundingClientRect().bottom), innerHeight - byId("bar").offsetHeight];
  const isInSight = (card) => {
    if (!card?.isConnected) return false;
    const [top, bottom] = clear();
    const place = (card.querySelector(".screen") ?? card).getBoundingClientRect();
    const middle = (place.top + place.bottom) / 2;
    return middle >= top && middle <= bottom;
  };
  const firstInSight = () => order.find((take) => cards.get(take.id)?.isConnected && isInSight(cards.get(take.id))) ?? null;
  // The reader's place: the first visible shot, and how far below the window's top it begins.
  const place = () => {
    if (scrollY < 1 || matrix.isOn()) return null;
    const covered = Math.max(UNDER_THE_TOOLS, tools.getBoundingClientRect().bottom);
    const inSight = (node) => node.getBoundingClientRect().bottom > covered;
    const first = [...(bands.find(inSight)?.children ?? [])].find(inSight);
    return first ? { shot: first.dataset.shot, top: first.getBoundingClientRect().top } : null;
  };
  let rested = null; // the reader's place when scrolling last ended
  let held = null; // the place that goTo is holding
  for (const type of ["wheel", "touchstart", "pointerdown", "keydown"]) {
    addEventListener(type, () => { held = null; }, { passive: true, capture: true }); // before a key leads to another place
  }
  const scrolledTo = () => scrollY + matrix.box.scrollTop;
  // To a shot, or to a `take` of it. What is above gets its true height only as it comes near: hold the place until it has, or
  // the reader scrolls.
  const goTo = (wanted) => {
    const shot = shotOf.get(wanted.shot);
    const isNoPlace = matrix.isOn() && !wanted.take; // of the grid, where shots have none
    if (!shot || isNoPlace || !view.some(([shown]) => shown === shot)) return;
    const take = wanted.take ?? shot.shown[0];
    if (!matrix.isOn()) rested = wanted;
    held = wanted;
    const began = performance.now();
    let moved = began;
    let turns = 0;
    const hold = () => {
      const now = performance.now();
      if (held !== wanted || !places.has(take)) return;
      const card = cardAt(take); // a band that was far away has none
      const node = wanted.take ? card : shot.node;
      const from = scrolledTo();
      if (matrix.isOn()) current.show(take);
      else if (Math.abs(node.getBoundingClientRect().top - wanted.top) > 1) scrollBy(0, node.getBoundingClientRect().top - wanted.top);
      if (scrolledTo() !== from) moved = now;
      turns += 1;
      const rests = turns >= HOLD_TURNS && now - moved >= HOLD_MS;
      if (!rests && now - began < HOLD_MOST_MS) requestAnimationFrame(hold);
      else held = null;
    };
    hold();
  };
  new ResizeObserver(() => room.style.setProperty("--under", `${tools.offsetHeight}px`)).observe(tools);
  addEventListener("beforeprint", () => bands.forEach((band) => fill(band)));
  // By the time of a resize event the shots have moved already: remember the place whenever scrolling ends.
  addEventListener("scrollend", () => {
    if (held) return;
    rested = place();
    current.scrolled();
  });
  addEventListener("resize", () => {
    if (columnsNow() === columns) return;
    const before = rested;
    show(view);
    if (before) goTo(before);
  });
  // However differently `lay` shows the takes: the current one, or the one that follows it where it is gone, stays where the
  // reader saw it, or at least in sight.
  const keepInSight = (lay) => {
    const before = current.take();
    const card = before === null ? null : cards.get(before.id);
    const top = isInSight(card) ? card.getBoundingClientRect().top : null;
    const isAtTop = scrollY < 1;
    lay();
    const kept = current.take();
    if (top === null || kept === null || !places.has(kept)) return;
    if (isAtTop && !matrix.isOn() && isInSight(cardAt(kept))) return; // the filters of the head stay under the pointer
    const [least, end] = clear();
    const most = end - cardAt(kept).querySelector(".screen").offsetHeight - MARGIN;
    goTo({ shot: kept.shot, take: kept, top: Math.max(least + MARGIN, Math.min(top, most)) });
  };
  density.onChange((change) => keepInSight(() => {
    change();
    show(view);
  }));
  return { show, keepInSight, reveal, place, goTo, cardAt, isInSight, firstInSight, placeOf, takes: () => order, view: () => view.flatMap(([, takes]) => takes) };
})();
