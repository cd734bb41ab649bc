// What a key has to tell that the page does not show by itself: that it cannot act, or what it took back. It is announced, and
// seen for a moment over whatever is open, a dialog too.

const TOLD_MS = 6000;

const say = (() => {
  const node = el("p", { class: "told", popover: "manual", "aria-hidden": "true" });
  let due = 0;
  const hide = () => {
    clearTimeout(due);
    due = 0;
    node.hidePopover();
    node.textContent = "";
  };
  // What the next key does is something else.
  addEventListener("keydown", ({ repeat }) => { if (due && !repeat) hide(); }, { capture: true });
  document.body.append(node);
  return (text) => {
    announce(text);
    if (due) hide(); // and shown again: a dialog that was opened since would cover it
    node.textContent = text;
    node.showPopover();
    due = setTimeout(hide, TOLD_MS);
  };
})();
