// Puts the page together, and restores after a reload what the reader saw before.

showHead(find.states);
live.start();
showAttention();
const before = session.read();
if (before.place) history.scrollRestoration = "manual";
find.start();
setPicking(before.picking === true);
if (before.place && !location.hash) sheet.goTo(before.place);
if (before.focus) byId(String(before.focus))?.focus({ preventScroll: true });
addEventListener("pagehide", () => session.write({
  find: find.asked(), picking: picking(), place: sheet.place(), auto: live.auto(), focus: document.activeElement?.id || null,
}));
if (location.hash.startsWith("#take-")) {
  const take = report.takes.find(({ id }) => `#take-${id}` === location.hash);
  if (take) { sheet.reveal(take); byId(`take-${take.id}`)?.scrollIntoView(); }
}
byId("foot").append("Made by hailuo-batch from the campaign's ledger. The same data: report.json, report.md, report.csv, report.junit.xml.");
