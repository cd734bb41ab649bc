// The file of picks, as schemas/picks.schema.json describes it: written from the marks and notes of this sheet, and read
// from whoever sent one. A file that is read is checked wholly before anything of it is used, and what it says is applied
// to the very run that it names or to none.

const PICKS_KIND = "hailuo-batch/picks";
const PICKS_VERSION = 1;
const MOST_BYTES = 20_000_000;
const MOST_PICKS = 1_000_000;
const LONGEST_ID = 200;
// With the moment, in local time: a browser gives a second file of one name another name, and a command would take the old one.
const fileStamp = (now) => {
  const parts = [now.getMonth() + 1, now.getDate(), now.getHours(), now.getMinutes(), now.getSeconds()].map((part) => String(part).padStart(2, "0"));
  return `${now.getFullYear()}-${parts.slice(0, 2).join("-")}-${parts.slice(2).join("")}`;
};
const picksName = (now) => `${report.campaign}.picks.${fileStamp(now)}.json`;

// What the reader decided, run by run. A re-roll that was made is no wish any more.
const picked = () => markable().map(([take, run]) => {
  const mark = markOf(take, run);
  return { take, run, mark: marksFor(take, run).includes(mark) ? mark : null, note: noteOf(take, run) };
}).filter(({ mark, note }) => mark !== null || note !== "");
const picksDocument = () => ({
  schema: PICKS_KIND, version: PICKS_VERSION, campaign: report.campaign, endpoint: report.endpoint, exported_at: new Date().toISOString(),
  picks: picked().map(({ take, run, mark, note }) => ({ take: take.id, run_id: run.run_id, ...(mark ? { mark } : {}), ...(note ? { note } : {}) })),
});

class PicksError extends Error {} // its message is for the reader

const isText = (value, most) => typeof value === "string" && value !== "" && value.length <= most;
const isNote = (value) => typeof value === "string" && value !== "" && value.length <= 2 * LONGEST_NOTE && [...value].length <= LONGEST_NOTE;
const quoteShort = (value) => JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
const inWords = (endpoint) => (endpoint === "sandbox" ? "a practice run (sandbox)" : `the real campaign at ${endpoint.slice(0, 100)}`);

const readPick = (entry, index) => {
  const refuse = (what) => { throw new PicksError(`Pick ${number(index + 1)} of the file ${what}. Nothing was imported.`); };
  if (!isRecord(entry)) refuse("is no object");
  const field = (name) => (Object.hasOwn(entry, name) ? entry[name] : undefined);
  const [takeId, runId, mark, note] = ["take", "run_id", "mark", "note"].map(field);
  if (!isText(takeId, LONGEST_ID)) refuse("names no take");
  if (!isText(runId, LONGEST_ID)) refuse("names no run");
  if (mark !== undefined && !(typeof mark === "string" && Object.hasOwn(MARKS, mark))) refuse("has a mark that this sheet does not know");
  if (note !== undefined && !isNote(note)) refuse(`has a note that is no text of 1 to ${number(LONGEST_NOTE)} characters`);
  return { takeId, runId, mark: mark ?? null, note: note ?? "" };
};
const readPicks = (text) => {
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    throw new PicksError(`This is no picks file: it holds no JSON. Choose a file that a contact sheet saved, such as ${picksName(new Date())}.`);
  }
  if (!isRecord(file) || !Object.hasOwn(file, "schema") || file.schema !== PICKS_KIND) {
    throw new PicksError(`This is no picks file. Choose a file that a contact sheet saved, such as ${picksName(new Date())}.`);
  }
  if (file.version !== PICKS_VERSION) {
    throw new PicksError("This picks file is of another version than this sheet can read. Rewrite the sheet with the newest hailuo-batch (hailuo-batch report) and import again.");
  }
  if (!isText(file.campaign, LONGEST_ID)) throw new PicksError("This picks file names no campaign.");
  if (file.campaign !== report.campaign) {
    throw new PicksError(`These picks are for the campaign ${quoteShort(file.campaign)}; this sheet shows ${quoteShort(report.campaign)}. Open the sheet of that campaign and import them there.`);
  }
  if (file.endpoint !== undefined && file.endpoint !== report.endpoint) {
    if (typeof file.endpoint !== "string") throw new PicksError("This picks file does not say in words where its runs were made.");
    throw new PicksError(`These picks are for ${inWords(file.endpoint)}; this sheet shows ${inWords(report.endpoint)}. Their videos are different ones.`);
  }
  if (!Array.isArray(file.picks) || file.picks.length > MOST_PICKS) throw new PicksError("This picks file has no list of picks that this sheet can read.");
  const picks = file.picks.map(readPick);
  const runs = new Set();
  for (const { runId } of picks) {
    if (runs.has(runId)) throw new PicksError(`This picks file names the run ${quoteShort(runId)} twice. Nothing was imported.`);
    runs.add(runId);
  }
  return picks;
};

// Both notes, theirs after mine; no line of mine twice, however often they went to and fro. Where one is the other with more
// behind it, it is that one.
const linesOf = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);
const holdsLines = (whole, part) => {
  const known = new Set(linesOf(whole));
  return linesOf(part).every((line) => known.has(line));
};
const joinedNotes = (mine, theirs) => {
  const [here, there] = [mine.trim(), theirs.trim()];
  if (here.startsWith(there) || holdsLines(here, there)) return mine;
  if (there.startsWith(here) || holdsLines(there, here)) return theirs; // it is mine, and more
  const known = new Set(linesOf(here));
  const added = there.split("\n").filter((line) => line.trim() === "" || !known.has(line.trim())).join("\n");
  return `${here}\n\n${added.replace(/\n{3,}/g, "\n\n").trim()}`;
};
// What an import would change. Conflicts are runs that have another mark here already; `missing` are my marks that the file does
// not have: either they were removed where it was saved, or never made there.
const missingMarks = (picks) => {
  const theirs = new Set(picks.filter(({ mark }) => mark !== null).map(({ runId }) => runId));
  return picked().filter(({ run, mark }) => mark !== null && !theirs.has(run.run_id));
};
const planImport = (picks) => {
  const plan = { marks: [], notes: [], conflicts: [], missing: missingMarks(picks), gone: 0, remade: 0, tooLong: 0, same: 0 };
  for (const { takeId, runId, mark, note } of picks) {
    const [take, run] = runsById.get(runId) ?? [];
    if (!take || take.id !== takeId || !canMark(take, run)) { plan.gone += 1; continue; }
    const mine = markOf(take, run);
    const isStale = mark !== null && !marksFor(take, run).includes(mark);
    if (isStale) plan.remade += 1;
    else if (mark !== null && mine !== null && mine !== mark) plan.conflicts.push({ take, run, mine, theirs: mark, note });
    else if (mark !== null && mine === null) plan.marks.push({ take, run, mark });
    const joined = joinedNotes(noteOf(take, run), note);
    const isLong = joined.length > LONGEST_NOTE;
    if (isLong) plan.tooLong += 1;
    else if (joined !== noteOf(take, run)) plan.notes.push({ take, run, note: joined });
    if (!isStale && !isLong && mine === (mark ?? mine) && joined === noteOf(take, run)) plan.same += 1;
  }
  return plan;
};
// `theirs` are the conflicts in which the mark of the file is taken, `removed` the marks that it does not have and that go.
const applyImport = ({ marks: added, notes }, theirs, removed) => {
  markAll([...added.map(({ take, run, mark }) => [take, mark, run]), ...theirs.map(({ take, run, theirs: mark }) => [take, mark, run]),
    ...removed.map(({ take, run }) => [take, null, run])]);
  for (const { take, run, note } of notes) setNote(take, note, run);
};
