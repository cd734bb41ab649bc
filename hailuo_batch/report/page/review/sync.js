// Videos that play in step. The slowest sets the pace: whoever is a little ahead of it plays slower, whoever is further
// ahead waits, and after a seek all wait until the last one is there. One that fell far behind jumps to the others, which
// wait for it: it could take long to catch up, and they would be out of step for so long. A video that cannot be played, or that stops for
// good, is left out. The timeline is the longest video's; a shorter one holds its last frame until all begin again.

const AHEAD_MOST_S = 0.04; // from here on a video waits for the slowest
const FAR_S = 0.08; // from here on the slowest jumps
const ALIGNED_S = 0.008; // near enough to go on after waiting
const EXACT_S = 0.002;
const EASING = 3; // how much slower one plays for each second that it is ahead
const EASED_MOST = 0.25;
const AT_END_S = 0.02;
const STUCK_MS = 20_000;
const EVERY_MS = 12; // not with the frames of the window: where it is slow to paint, the videos run on
const USUAL_FRAME_S = 1 / 24;
const FRAME_BOUNDS_S = [1 / 130, 1 / 10];
const LAST_FRAME_S = 0.001; // a seek to the very end could show no frame

// `onTime` is called with the position, the length and whether it plays; `onBroken` with a video that is left out.
const playInStep = (videos, { onTime, onBroken }) => {
  const players = videos.map((video) => ({ video, broken: false, waits: false, sent: false, arrived: false, at: -1, movedAt: 0, frame: null }));
  let playing = false;
  let loops = true;
  let rate = 1;
  let aim = 0; // where all have to be before they go on together; null once they are
  let nearness = EXACT_S; // how near to it is there
  let turn = 0;

  const usable = () => players.filter(({ broken }) => !broken);
  const lengthOf = ({ video }) => (Number.isFinite(video.duration) ? video.duration : 0);
  const length = () => Math.max(0, ...usable().map(lengthOf));
  const isOver = (player) => player.video.ended || player.video.currentTime >= lengthOf(player) - AT_END_S;
  const running = () => usable().filter((player) => !isOver(player));
  const position = () => {
    if (aim !== null) return aim;
    const open = running();
    return open.length ? Math.min(...open.map(({ video }) => video.currentTime)) : length();
  };
  const pauseAll = () => { for (const { video } of players) if (!video.paused) video.pause(); };
  const leaveOut = (player) => {
    player.broken = true;
    player.video.pause();
    onBroken(player.video);
  };

  // Brings all to `aim`. Each is sent there once; whatever it makes of that counts as having arrived.
  const send = (player) => {
    const { video } = player;
    if (video.readyState < HTMLMediaElement.HAVE_METADATA) return false;
    const wanted = Math.max(0, Math.min(aim, lengthOf(player) - LAST_FRAME_S));
    const isElsewhere = !player.sent && Math.abs(video.currentTime - wanted) > nearness;
    player.sent = true;
    if (isElsewhere) video.currentTime = wanted;
    // Not HAVE_FUTURE_DATA: Chromium decodes no further while a video is paused, and it would be waited for in vain.
    return !video.seeking && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
  };
  const gather = () => {
    for (const player of usable()) player.arrived = send(player);
    if (!usable().every(({ arrived }) => arrived)) return;
    aim = null;
    for (const player of players) player.waits = false;
  };
  const meetAt = (position, near) => {
    aim = position;
    nearness = near;
    for (const player of players) player.sent = false;
    pauseAll(); // before anything is measured: while it plays, a video's time runs on
    gather();
  };
  const keep = () => {
    const open = running();
    if (open.length === 0) {
      if (loops && usable().length) meetAt(0, EXACT_S);
      else playing = false;
      return;
    }
    const slowest = Math.min(...open.map(({ video }) => video.currentTime));
    const fastest = Math.max(...usable().map(({ video }) => video.currentTime)); // it may be over already
    if (fastest - slowest > FAR_S) { meetAt(fastest, AHEAD_MOST_S); return; }
    for (const player of open) {
      const { video } = player;
      const lead = video.currentTime - slowest;
      player.waits = lead > (player.waits ? ALIGNED_S : AHEAD_MOST_S);
      if (player.waits) { video.pause(); continue; }
      const eased = rate * (1 - Math.min(lead * EASING, EASED_MOST));
      if (Math.abs(video.playbackRate - eased) > 0.005 * rate) video.playbackRate = eased;
      if (video.paused) video.play().catch(() => {}); // if it may not play, it is soon found to be stuck
    }
  };
  const isWaitedFor = (player) => (aim === null ? playing && !isOver(player) && !player.waits : !player.arrived);
  const dropStuck = () => {
    const now = performance.now();
    for (const player of usable()) {
      const { currentTime } = player.video;
      if (currentTime !== player.at || !isWaitedFor(player)) {
        player.at = currentTime;
        player.movedAt = now;
      } else if (now - player.movedAt > STUCK_MS && usable().length > 1) {
        leaveOut(player);
      }
    }
  };
  const tend = () => {
    if (document.hidden) { pauseAll(); return; }
    if (aim !== null) gather();
    if (aim === null) {
      if (playing) keep();
      else pauseAll();
    }
    dropStuck();
    onTime(position(), length(), playing);
  };
  const seek = (to) => {
    meetAt(Math.max(0, Math.min(to, length())), EXACT_S);
    onTime(position(), length(), playing);
  };
  const play = () => {
    playing = true;
    seek(running().length ? position() : 0);
  };
  const pause = () => {
    playing = false;
    seek(position()); // all on the same frame
  };
  // The length of a frame, as far as playing has shown it; the shortest among the videos, so that none is skipped.
  const frameLength = () => Math.min(...usable().map(({ frame }) => frame ?? USUAL_FRAME_S), USUAL_FRAME_S);
  const stepBy = (frames) => {
    const frame = frameLength();
    playing = false;
    const last = Math.max(0, Math.ceil(length() / frame) - 1);
    const index = Math.max(0, Math.min(Math.floor(position() / frame + 1e-3) + frames, last));
    seek((index + 0.5) * frame); // the middle of a frame is the same frame for every video
  };
  const watchFrames = (player) => {
    let before = null;
    const look = (_, { mediaTime, presentedFrames }) => {
      const frame = presentedFrames - before?.presentedFrames === 1 ? mediaTime - before.mediaTime : 0;
      before = { mediaTime, presentedFrames };
      const [least, most] = FRAME_BOUNDS_S;
      if (frame > least && frame < most) player.frame = Math.min(frame, player.frame ?? most);
      player.video.requestVideoFrameCallback(look);
    };
    player.video.requestVideoFrameCallback?.(look);
  };

  for (const player of players) {
    on(player.video, "error", () => { if (!player.broken) leaveOut(player); });
    on(player.video, "waiting", () => { if (turn) tend(); }); // the others wait at once
    watchFrames(player);
  }
  const start = () => { turn ||= setInterval(tend, EVERY_MS); };
  const stop = () => {
    clearInterval(turn);
    turn = 0;
    pauseAll();
  };
  return {
    start, stop, play, pause, seek, stepBy, position, length, isPlaying: () => playing,
    toggle: () => (playing ? pause() : play()),
    setRate: (wanted) => { rate = wanted; },
    setLoop: (wanted) => { loops = wanted; },
    resume: () => seek(position()),
  };
};
