// Searching: plain words search everything about a take, `name:words` one variable. Accents and capitals make no difference.

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

const search = (() => {
  const names = new Map();
  for (const take of report.takes) for (const name of Object.keys(take.variables)) names.set(plain(name), name);

  const haystacks = new Map();
  const haystack = (take) => {
    if (!haystacks.has(take)) {
      const runs = take.runs.flatMap((run) => [run.run_id, run.error,
        ...saved(run.outputs).map(({ path, flaw }) => (flaw ? `${path} damaged: ${flaw}` : path))]);
      haystacks.set(take, plain([take.id, promptOf(take), take.model, ...take.tags, ...Object.values(take.variables), ...runs].join("\n")));
    }
    return haystacks.get(take);
  };
  // Not part of what is kept above: notes change while the page is open.
  const inNotes = (take, wanted) => take.runs.some((run) => plain(noteOf(take, run)).includes(wanted));
  // Words in quotation marks stand together. What is before a colon is a variable if one is called so.
  const condition = (word) => {
    const colon = word.indexOf(":");
    const name = colon > 0 ? names.get(word.slice(0, colon).replaceAll('"', "")) : undefined;
    const wanted = (name === undefined ? word : word.slice(colon + 1)).replaceAll('"', "");
    if (name === undefined) return (take) => haystack(take).includes(wanted) || inNotes(take, wanted);
    return (take) => Object.hasOwn(take.variables, name) && plain(take.variables[name]).includes(wanted);
  };
  const conditions = (text) => (plain(text).match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []).map(condition);
  return { conditions };
})();
