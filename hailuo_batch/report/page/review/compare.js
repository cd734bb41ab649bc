// Compare: two to six videos that play in step, all takes of a shot or a take and its earlier attempts, marked side by side.

const ONE_COLUMN_PX = 480;
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

const compare = (() => {
  const dialog = el("dialog", { class: "compare", "aria-label": "Compare" });
  const head = el("header", {});
  const prompt = el("p", { class: "prompt", dir: "auto" });
  const wall = el("ul", { class: "tiles", "aria-label": "Videos" });
  let about = null; // the take whose video has the keys
  let way = null; // how: one of waysToCompare
  let first = 0; // of the entries on show
  let tiles = [];
  let chosen = null; // the tile that the keys are for
  let player = null;
  let isZoomed = false;

  const round = (label, name, act) => on(el("button", { type: "button", class: "round", "aria-label": label, title: label }, icon(name)), "click", act);
  const playButton = round("Play", "play", () => player.toggle());
  const time = el("span", { class: "time" });
  const seekBar = on(el("input", { type: "range", min: "0", max: "1", step: "0.01", value: "0", "aria-label": "Position" }), "input",
    () => player.seek(Number(seekBar.value)));
  const backToTile = () => chosen?.screen.focus({ preventScroll: true }); // so that the keys work again
  on(seekBar, "pointerup", backToTile);
  const speed = on(el("select", { "aria-label": "Speed" }, SPEEDS.map((rate) => el("option", { value: rate, selected: rate === 1 }, `${rate}×`))), "change",
    () => { player.setRate(Number(speed.value)); backToTile(); });
  const loop = on(el("button", { type: "button", class: "round", "aria-pressed": "true", "aria-label": "Loop", title: "Loop" }, icon("loop")), "click", () => {
    const wanted = loop.getAttribute("aria-pressed") !== "true";
    loop.setAttribute("aria-pressed", String(wanted));
    player.setLoop(wanted);
  });
  const transport = el("div", { class: "transport", role: "group", "aria-label": "Playing" },
    round("One frame back", "framePrevious", () => player.stepBy(-1)), playButton, round("One frame on", "frameNext", () => player.stepBy(1)),
    seekBar, time, speed, loop);
  let timeShown = "";
  const showTime = (position, length, isPlaying) => {
    const now = `${position.toFixed(2)} / ${length.toFixed(2)} s`;
    const label = isPlaying ? "Pause" : "Play";
    if (now !== timeShown) {
      timeShown = time.textContent = now;
      seekBar.max = String(length);
      seekBar.value = String(position);
      seekBar.setAttribute("aria-valuetext", `${position.toFixed(1)} of ${length.toFixed(1)} seconds`);
    }
    if (playButton.title === label) return;
    playButton.title = label;
    playButton.setAttribute("aria-label", label);
    playButton.replaceChildren(icon(label.toLowerCase()));
  };

  // As many columns as make the videos largest.
  const arrange = () => {
    const count = tiles.length;
    const room = wall.getBoundingClientRect();
    const caption = Math.max(0, ...tiles.map(({ node }) => node.querySelector(".caption").offsetHeight));
    const widthWith = (columns) => Math.min(room.width / columns, Math.max(0, room.height / Math.ceil(count / columns) - caption) * SCREEN);
    const most = Math.max(1, Math.floor(room.width / 150));
    const columns = [...Array(Math.min(count, most)).keys()].map((index) => index + 1)
      .reduce((best, other) => (widthWith(other) > widthWith(best) + 1 ? other : best), 1);
    const isNarrow = innerWidth <= ONE_COLUMN_PX; // a telephone: each as wide as it is
    const isCramped = isNarrow || widthWith(columns) < 140; // then the wall scrolls
    const across = isNarrow ? 1 : isCramped ? Math.min(2, most, count) : columns;
    wall.classList.toggle("scrolls", isCramped);
    wall.style.setProperty("--across", across);
    wall.style.setProperty("--down", Math.ceil(count / across));
  };
  const zoom = (wanted) => {
    isZoomed = wanted;
    wall.classList.toggle("zoomed", wanted);
    if (!wanted) arrange();
  };
  const choose = (tile) => {
    chosen = tile;
    about = tile.take;
    showTitle();
    for (const each of tiles) {
      // Only the controls of the current video are tab stops: else the keyboard could not leave it for the bars without passing
      // another, which would become the current one.
      for (const stop of [each.screen, each.field, ...each.node.querySelectorAll("button")]) stop.tabIndex = each === tile ? 0 : -1;
      each.node.classList.toggle("current", each === tile);
      each.screen.setAttribute("aria-current", String(each === tile));
    }
    prompt.textContent = promptOf(tile.take);
  };
  const focus = (tile) => {
    choose(tile);
    tile.screen.focus({ preventScroll: true });
    if (wall.classList.contains("scrolls")) tile.node.scrollIntoView({ block: "nearest" });
  };
  const move = (by) => { if (tiles.length) focus(tiles[(tiles.indexOf(chosen) + by + tiles.length) % tiles.length]); };
  const moveRow = (by) => {
    const to = tiles[tiles.indexOf(chosen) + by * (isZoomed ? 1 : Number(wall.style.getPropertyValue("--across")))];
    if (to) focus(to);
  };
  const enlarge = (entry) => zoom(!(isZoomed && entry.node === chosen.node));

  const drop = () => {
    player?.stop();
    for (const { video } of tiles) unload(video);
    tiles = [];
  };
  const isUnmarked = ({ take, run }) => markOf(take, run) === null;
  const isOf = (wanted) => ({ take, run }) => take === wanted?.take && (!wanted.run || run === wanted.run);
  const showTiles = (wanted) => {
    const plays = player?.isPlaying() ?? !still.matches;
    drop();
    tiles = way.entries.slice(first, first + TOGETHER).map((entry) => {
      const tile = tileOf(entry, { choose: () => { if (chosen !== tile) choose(tile); }, enlarge: () => enlarge(tile), tellsOthers: way.key === "takes" });
      return tile;
    });
    wall.replaceChildren(...tiles.map(({ node }) => node));
    player = playInStep(tiles.map(({ video }) => video), {
      onTime: showTime, onBroken: (video) => tiles.find((tile) => tile.video === video)?.leaveOut() });
    player.setRate(Number(speed.value));
    player.setLoop(loop.getAttribute("aria-pressed") === "true");
    arrange();
    focus(tiles.find(isOf(wanted)) ?? tiles.find(isUnmarked) ?? tiles[0]);
    player.start();
    if (plays) player.play();
  };
  // At an entry, else at the first without a mark.
  const showWay = (wanted, asked = null) => {
    way = wanted;
    const entry = asked ?? way.entries.find(isUnmarked);
    const place = Math.max(0, way.entries.findIndex(isOf(entry)));
    first = place - (place % TOGETHER);
    showTiles(entry);
  };
  const comparable = () => [...grouped(sheet.takes().filter(canCompare), ({ shot }) => shot).values()].map(([take]) => take);
  // Further on: the next six of these, else the next shot on the sheet that has something to compare,
  // at its first video without a mark.
  const turn = (by) => {
    const next = first + by * TOGETHER;
    if (next >= 0 && next < way.entries.length) {
      first = next;
      showTiles();
      return;
    }
    const all = comparable();
    const at = all.findIndex(({ shot }) => shot === about.shot);
    const take = all[(at + by + all.length) % all.length];
    if (!take || take.shot === about.shot) { say("There is no other shot to compare."); return; }
    about = take;
    showWay(waysToCompare(take)[0]);
  };
  const otherWay = () => {
    const other = waysToCompare(about).find(({ key }) => key !== way.key);
    if (other) showWay(other, other.key === "attempts" ? { take: about, run: chosen.run } : { take: about });
    else say(way.key === "takes" ? `${about.id} has no other attempt to compare.` : `${about.id} is the only video of its shot.`);
  };
  const showTitle = () => {
    const count = way.entries.length;
    const ways = waysToCompare(about);
    const title = way.key === "takes" ? about.shot : about.id;
    const what = way.key === "takes" ? plural(count, "take", "takes") : plural(count, "attempt", "attempts");
    const last = Math.min(count, first + TOGETHER);
    const shown = first + 1 === last ? number(last) : `${number(first + 1)} to ${number(last)}`;
    const range = count > TOGETHER ? `${shown} of ${what}` : what;
    head.replaceChildren(
      el("div", { class: "title" }, el("h2", {}, title), el("span", { class: "facts" }, range)),
      ways.length > 1 ? el("div", { class: "ways", role: "group", "aria-label": "What is compared" }, ways.map((each) =>
        on(el("button", { type: "button", "aria-pressed": String(each.key === way.key), "aria-keyshortcuts": "a" },
          each.key === "takes" ? "Takes of the shot" : `Attempts of ${about.id}`), "click", () => showWay(each, { take: about })))) : "",
      el("div", { class: "actions" }, round("Previous shot", "left", () => turn(-1)), round("Next shot", "right", () => turn(1)),
        round("Close", "cross", () => dialog.close())));
  };

  const open = (take, run = null) => {
    const ways = take ? waysToCompare(take) : [];
    if (ways.length === 0) {
      say(take ? `${take.id} has nothing to compare: it is the only video of its shot.` : "There is no take to compare.");
      return;
    }
    const isEarlier = run !== null && !isLive(take, run);
    openWay(ways.find(({ key }) => key === (isEarlier ? "attempts" : "takes")) ?? ways[0], take, run);
  };
  const openWay = (wanted, take, run) => {
    about = take;
    player = null;
    dialog.showModal();
    document.body.classList.add("viewing");
    zoom(false);
    showWay(wanted, { take, run });
  };
  const openAttempts = (take, run = null) => {
    const wanted = take ? waysToCompare(take).find(({ key }) => key === "attempts") : null;
    if (wanted) openWay(wanted, take, run);
    else say(take ? `${take.id} has no other attempt to compare.` : "There is no take to compare.");
    return Boolean(wanted);
  };
  // Where it is, in values that outlive a reload, and there again.
  const place = () => (dialog.open ? { take: chosen.take.id, run: chosen.run.run_id, way: way.key } : null);
  const goTo = (take, { run: runId, way: key }) => {
    const wanted = waysToCompare(take).find((each) => each.key === key);
    if (wanted) openWay(wanted, take, take.runs.find((run) => run.run_id === runId) ?? null);
  };
  on(dialog, "close", () => {
    const { take } = chosen;
    drop();
    player = null;
    wall.replaceChildren();
    if (viewer.isOpen()) { viewer.resume(); return; }
    document.body.classList.remove("viewing");
    if (sheet.placeOf(take) >= 0) current.set(take, { focus: true });
  });
  document.addEventListener("visibilitychange", () => { if (player && !document.hidden) player.resume(); });
  new ResizeObserver(() => { if (dialog.open && tiles.length) arrange(); }).observe(wall);
  markListeners.add((take) => { for (const tile of tiles) if (tile.take === take) tile.update(); });

  const note = () => chosen.field.focus();
  const faster = (by) => {
    const at = Math.max(0, Math.min(SPEEDS.indexOf(Number(speed.value)) + by, SPEEDS.length - 1));
    speed.value = String(SPEEDS[at]);
    player.setRate(SPEEDS[at]);
    announce(`Speed ${SPEEDS[at]}`);
  };
  keymap.addPlace("compare", { dialog, take: () => chosen?.take ?? null, run: () => chosen?.run,
    undone: (take, run) => { const tile = tiles.find(isOf({ take, run })) ?? tiles.find(isOf({ take })); if (tile) focus(tile); } });
  const key = (keys, does, act, repeats = false) => keymap.add({ keys, does, act, where: ["compare"], group: "Compare", repeats });
  const direction = (event, back) => (event.key === back ? -1 : 1);
  key(["ArrowLeft", "ArrowRight"], "Previous and next video", (_, event) => move(direction(event, "ArrowLeft")), true);
  key(["ArrowUp", "ArrowDown"], "Video above and below", (_, event) => moveRow(direction(event, "ArrowUp")), true);
  key([" "], "Play, pause", () => player.toggle());
  key([",", "."], "One frame back, one on", (_, event) => player.stepBy(direction(event, ",")), true);
  key(["-", "+", "="], "Slower, faster", (_, event) => faster(direction(event, "-")));
  key(["l"], "Loop, or stop at the end", () => loop.click());
  key(["Enter"], "One video large, or all alike", () => enlarge(chosen));
  key(["PageUp", "PageDown"], "Previous and next shot", (_, event) => turn(direction(event, "PageUp")));
  // Escape, too: after a reload the browser would close the full view below with it.
  key(["c", "Escape"], "Back to where you were", () => dialog.close());
  dialog.append(head, prompt, wall, transport);
  document.body.append(dialog);
  return { open, openAttempts, otherWay, place, goTo, note, isOpen: () => dialog.open };
})();
