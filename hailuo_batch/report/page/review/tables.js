// The picks for other programs: the files of the chosen takes, one path a line, and a table (RFC 4180) for a spreadsheet.

const chosenFiles = () => picked().filter(({ mark }) => mark === "chosen").flatMap(({ run }) => saved(run.outputs).map(({ path }) => path));
const fileList = () => chosenFiles().map((path) => `${path}\n`).join("");

// As in report.csv: an apostrophe before the sign that would begin a formula makes a spreadsheet show the cell as it is,
// and a negative number needs none.
const CONTROL = /[\u0000-\u001f\u007f]+/g;
const FORMULA = /(^|;)(?=[\s"]*[=+\-@\uff1d\uff0b\uff0d\uff20])/g;
const NEGATIVE_NUMBER = /^-[0-9]+([.,][0-9]+)?$/;
const cell = (text) => {
  const line = text.replace(CONTROL, " ").toWellFormed();
  const harmless = NEGATIVE_NUMBER.test(line) ? line : line.replace(FORMULA, "$1'");
  return /[",;]|^\s|\s$/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
};
const picksTable = () => {
  const rows = picked();
  const names = [...new Set(rows.flatMap(({ take }) => Object.keys(take.variables)))].sort();
  const header = ["take", "shot", "run_id", "mark", "note", "file", ...names.map((name) => `var:${name}`)];
  const line = ({ take, run, mark, note }) => [take.id, take.shot, run.run_id, mark ?? "", note,
    saved(run.outputs).map(({ path }) => path).join("; "), ...names.map((name) => (Object.hasOwn(take.variables, name) ? take.variables[name] : ""))];
  return [header, ...rows.map(line)].map((cells) => `${cells.map(cell).join(",")}\r\n`).join("");
};
