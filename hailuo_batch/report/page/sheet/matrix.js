// The grid: rows are the values of one variable, columns those of another, and a cell holds the takes of that combination.
//
// It is offered where two variables describe the takes: most of their combinations are there, as of products and moods.

const LARGEST_SIDE = 2000; // values in rows
const LEAST_SHARE = 0.5; // of the combinations that must be there, and of the takes that must have both variables
const MATRIX_AHEAD = "600px";
const ROW_HEIGHT = "6rem"; // of a row that was never filled

const matrix = (() => {
  const labelOf = (name, value) => (value === null ? `no ${name}` : value === "" ? "(empty)" : value);
  const valueOf = (take, name) => (Object.hasOwn(take.variables, name) ? take.variables[name] : null);
  const distinct = (takes, name) => [...new Set(takes.map((take) => valueOf(take, name)))];

  const sides = (() => {
    const values = new Map();
    for (const take of report.takes) {
      for (const [name, value] of pairsOf(take)) {
        if (values.has(name)) values.get(name).add(value);
        else values.set(name, new Set([value]));
      }
    }
    return [...values].filter(([, found]) => found.size >= FEWEST_VALUES && found.size <= LARGEST_SIDE && [...found].every((value) => value.length <= LONGEST_OPTION));
  })();
  const isProduct = ([a, valuesOfA], [b, valuesOfB]) => {
    const both = report.takes.filter((take) => valueOf(take, a) !== null && valueOf(take, b) !== null);
    const combinations = new Set(both.map((take) => JSON.stringify([take.variables[a], take.variables[b]]))).size;
    return both.length >= LEAST_SHARE * report.takes.length && combinations >= LEAST_SHARE * valuesOfA.size * valuesOfB.size
      && combinations > Math.max(valuesOfA.size, valuesOfB.size);
  };
  // Pairs: the variable of the rows, and a variable of the columns, of which there are no more than a filter may have.
  const pairs = sides.flatMap((rows) => sides.filter((columns) => columns !== rows && choices.has(columns[0]) && isProduct(rows, columns))
    .map((columns) => ({ rows: rows[0], columns: columns[0], lines: rows[1].size })));
  const usual = pairs.reduce((best, pair) => (best === null || pair.lines > best.lines ? pair : best), null);

  let isOn = false;
  let chosen = usual;
  let order = []; // takes, row by row
  let rows = []; // { node, cells: pairs of a list and its takes }
  const rowOf = new Map(); // of each take
  let nearby = null;
  const box = el("div", { class: "matrix", role: "table", "aria-label": "Takes by two variables" });

  const fill = (row) => {
    if (row.isFilled) return;
    row.isFilled = true;
    for (const [list, takes] of row.cells) list.replaceChildren(...takes.map(cardOf));
    row.node.style.minHeight = "";
  };
  const empty = (row) => {
    if (!row.isFilled || row.node.contains(document.activeElement)) return;
    row.node.style.minHeight = `${row.node.offsetHeight}px`; // before anything goes: nothing may move
    for (const video of row.node.querySelectorAll("video")) unload(video);
    for (const [list] of row.cells) list.replaceChildren();
    row.isFilled = false;
  };
  const cellOf = (takes) => {
    const list = el("ul", { class: "takes" });
    return [el("div", { role: "cell", class: "cell" }, takes.length ? list : ""), [list, takes]];
  };
  const rowNode = (value, columns, cells) => {
    const made = columns.map((column) => cellOf(cells.get(column) ?? []));
    const node = el("div", { role: "row", class: "line" },
      el("div", { role: "rowheader", class: "label", title: labelOf(chosen.rows, value) }, labelOf(chosen.rows, value)), made.map(([cell]) => cell));
    node.style.minHeight = ROW_HEIGHT;
    return { node, isFilled: false, cells: made.map(([, pair]) => pair).filter(([, takes]) => takes.length) };
  };
  const lay = (takes) => {
    nearby?.disconnect();
    rowOf.clear();
    const columns = distinct(takes, chosen.columns);
    const lines = grouped(takes, (take) => valueOf(take, chosen.rows));
    const most = [];
    rows = [...lines].map(([value, found]) => {
      const cells = grouped(found, (take) => valueOf(take, chosen.columns));
      most.push(...[...cells.values()].map((cell) => cell.length));
      return rowNode(value, columns, cells);
    });
    order = rows.flatMap((row) => row.cells.flatMap(([, found]) => found));
    for (const row of rows) for (const [, found] of row.cells) for (const take of found) rowOf.set(take, row);
    const words = [...lines.keys()].flatMap((value) => labelOf(chosen.rows, value).split(/\s+|(?<=-)/));
    box.style.setProperty("--longest", words.reduce((most, word) => Math.max(most, word.length), 0)); // as wide are the rows' headings
    box.style.setProperty("--columns", columns.length);
    box.style.setProperty("--abreast", Math.min(3, most.reduce((a, b) => Math.max(a, b), 1)));
    box.replaceChildren(el("div", { role: "row", class: "line heads" },
      el("div", { role: "columnheader", class: "label corner-label" }, `${chosen.rows} × ${chosen.columns}`),
      columns.map((value) => el("div", { role: "columnheader", class: "label", title: labelOf(chosen.columns, value) }, labelOf(chosen.columns, value)))),
      ...rows.map(({ node }) => node));
    nearby = new IntersectionObserver((entries) => {
      if (printing.matches) return;
      for (const { target, isIntersecting } of entries) {
        const row = rows.find(({ node }) => node === target);
        if (row) (isIntersecting ? fill : empty)(row);
      }
    }, { root: box, rootMargin: MATRIX_AHEAD });
    rows.slice(0, 1).forEach(fill);
    for (const { node } of rows) nearby.observe(node);
    return box;
  };
  addEventListener("beforeprint", () => { if (isOn) rows.forEach(fill); });

  const label = (name, control) => el("label", { class: "variable chosen" }, el("span", {}, name), control);
  const controls = (asked, ask) => {
    if (!usual) return { node: "", axes: "", show: () => {} };
    const switches = [["sheet", "Sheet"], ["grid", "Grid"]].map(([view, word]) =>
      on(el("button", { type: "button", "data-view": view }, word), "click", () => ask({ view })));
    const option = (name) => el("option", { value: name }, name);
    const names = (side) => [...new Set(pairs.map((pair) => pair[side]))];
    const choose = (side, other) => (name) => {
      const fitting = pairs.filter((pair) => pair[side] === name);
      const next = fitting.find((pair) => pair[other] === chosen[other]) ?? fitting.find((pair) => pair[other] === chosen[side]) ?? fitting[0];
      ask({ rows: next.rows, columns: next.columns });
    };
    const select = (side, other) => {
      const act = choose(side, other);
      return on(el("select", { "data-side": side }, names(side).map(option)), "change", ({ target }) => act(target.value));
    };
    const [ofRows, ofColumns] = [select("rows", "columns"), select("columns", "rows")];
    const axes = el("div", { class: "axes", role: "group", "aria-label": "Rows and columns" }, label("Rows", ofRows), label("Columns", ofColumns));
    const node = el("div", { class: "segments", role: "group", "aria-label": "View" }, switches);
    const show = () => {
      isOn = asked.view === "grid";
      chosen = pairs.find((pair) => pair.rows === asked.rows && pair.columns === asked.columns) ?? usual;
      for (const button of switches) button.setAttribute("aria-pressed", String((button.dataset.view === "grid") === isOn));
      axes.hidden = !isOn;
      density.control.hidden = isOn; // a cell has small pictures only
      ofRows.value = chosen.rows;
      ofColumns.value = chosen.columns;
    };
    keymap.add({ keys: ["g"], does: "Sheet or grid", act: () => ask({ view: isOn ? "sheet" : "grid" }) });
    return { node, axes, show };
  };
  const ready = (take) => { if (rowOf.has(take)) fill(rowOf.get(take)); };
  return { isOn: () => isOn, lay, takes: () => order, ready, controls, box };
})();
