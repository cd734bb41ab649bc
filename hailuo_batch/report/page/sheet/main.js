// Puts the page together, and restores what the reader saw before: after a reload all of it, in another window the take that
// was left.

showHead(find.states);
live.start();
showAttention();
const before = session.read();
const isReload = Object.keys(before).length > 0;
if (before.place) history.scrollRestoration = "manual";
find.start();
bar.start();
const takeLeft = (id) => (typeof id === "string" ? takeById.get(id) : undefined);
const linked = location.hash ? report.takes.find(({ id }) => [id, encodeURIComponent(id)].includes(location.hash.slice("#take-".length))) : undefined;
const isLoadedAgain = performance.getEntriesByType("navigation")[0]?.type === "reload";
if (linked && !isLoadedAgain) current.set(linked, { focus: true });
else if (isReload) {
  const left = takeLeft(before.current);
  if (left && sheet.placeOf(left) >= 0) current.set(left);
  if (before.place) sheet.goTo(before.place);
  if (matrix.isOn() && left === current.take()) sheet.goTo({ shot: left.shot, take: left });
  if (before.focus === "shots" && current.take()) sheet.cardAt(current.take()).querySelector(".screen").focus({ preventScroll: true });
  else if (before.focus) byId(String(before.focus))?.focus({ preventScroll: true });
} else {
  const left = takeLeft(local.read().current);
  if (left && report.takes.some((take) => markOf(take) !== null)) {
    history.scrollRestoration = "manual";
    current.set(markOf(left) === null ? left : nextUnmarked(sheet.takes(), sheet.placeOf(left)) ?? left, { focus: true });
    sheet.goTo({ shot: current.take().shot, top: innerHeight / 3 });
  }
}
if (isLoadedAgain) reopen.goTo(before.open);
const leave = () => {
  const focus = byId("shots").contains(document.activeElement) ? "shots" : document.activeElement?.id || null;
  session.write({ find: find.asked(), place: sheet.place(), current: current.take()?.id ?? null, auto: live.auto(), focus, open: reopen.places() });
  local.write({ ...local.read(), current: current.take()?.id ?? null });
};
addEventListener("pagehide", leave);
document.addEventListener("visibilitychange", () => { if (document.hidden) leave(); });
byId("foot").append("Made by hailuo-batch from the campaign's ledger. The same data: report.json, report.md, report.csv, report.junit.xml.");
