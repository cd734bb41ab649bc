// Values kept in the browser's storage. Where a browser stores nothing for a local file, they last as long as the page.

const keptValue = (storage, name) => {
  const key = `hailuo-batch/${report.endpoint}/${report.campaign}/${name}`;
  let kept = true;
  let value = {};
  const read = () => {
    try {
      const found = JSON.parse(storage().getItem(key) ?? "{}");
      return found !== null && typeof found === "object" && !Array.isArray(found) ? found : {};
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
  value = read();
  return { key, read, write, isKept: () => kept };
};
const session = keptValue(() => sessionStorage, "view");
