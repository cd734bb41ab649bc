// Values kept in the browser's storage. Where a browser stores nothing for a local file, they last as long as the page.

const isRecord = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const keyOf = (name) => `hailuo-batch/${report.endpoint}/${report.campaign}/${name}`;

const keptValue = (storage, name) => {
  const key = keyOf(name);
  let kept = true;
  let value = {};
  const read = () => {
    try {
      const found = JSON.parse(storage().getItem(key) ?? "{}");
      return isRecord(found) ? found : {};
    } catch {
      return value;
    }
  };
  const write = (next) => {
    value = next;
    try {
      storage().setItem(key, JSON.stringify(next));
    } catch {
      kept = false;
    }
  };
  const remove = () => { try { storage().removeItem(key); } catch { kept = false; } };
  value = read();
  return { key, read, write, remove, isKept: () => kept };
};

// Records by ID, each under a key of its own, so that two tabs at work at once cannot overwrite each other's.
const keptRecords = (storage, name) => {
  const prefix = `${keyOf(name)}/`;
  const known = new Map(); // a record, or null where there is none
  const lost = new Set(); // what the browser would not store lasts as long as the page
  const stored = (id) => {
    try {
      const found = JSON.parse(storage().getItem(prefix + id) ?? "null");
      return isRecord(found) ? found : null;
    } catch {
      return null;
    }
  };
  const read = (id) => {
    if (!known.has(id)) known.set(id, stored(id));
    return known.get(id);
  };
  const write = (id, change) => {
    const record = change((lost.has(id) ? known.get(id) : stored(id)) ?? {}); // another tab may have changed it
    known.set(id, record);
    try {
      if (record === null) storage().removeItem(prefix + id);
      else storage().setItem(prefix + id, JSON.stringify(record));
      lost.delete(id);
    } catch {
      lost.add(id);
    }
  };
  // `listener` is called with the ID of a record that another tab changed, or with null where that may be any of them.
  const onChange = (listener) => addEventListener("storage", ({ key }) => {
    if (key === null) known.clear();
    else if (key.startsWith(prefix)) known.delete(key.slice(prefix.length));
    else return;
    listener(key === null ? null : key.slice(prefix.length));
  });
  return { read, write, onChange, isKept: () => lost.size === 0 };
};
const session = keptValue(() => sessionStorage, "view");
