// What was open over the sheet, the full view or compare or both, in values that outlive a reload; and open again.

const reopen = (() => {
  const places = () => ({ viewer: viewer.place(), compare: compare.place() });
  const goTo = (kept) => {
    if (!isRecord(kept)) return;
    for (const [view, place] of [[viewer, kept.viewer], [compare, kept.compare]]) {
      const take = isRecord(place) ? takeById.get(place.take) : undefined;
      if (take) view.goTo(take, place);
    }
  };
  return { places, goTo };
})();
