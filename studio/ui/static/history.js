// Undo and redo: typing and structure in one line of time. A step is the whole script, cheap since turns are shared.
function makeHistory(read, restore) {
  const STEPS = 300;
  const PAUSE_MS = 900; // typing after a shorter rest belongs to the same step
  const past = [];
  const future = [];
  let last = { kind: "", id: "", at: 0 };

  // Call before a change. kind "type" joins what is typed into one turn without rest.
  function mark(kind, id = "") {
    const at = performance.now();
    const joins = kind === "type" && last.kind === kind && last.id === id && at - last.at < PAUSE_MS;
    last = { kind, id, at };
    if (joins) return;
    past.push(read());
    if (past.length > STEPS) past.shift();
    future.length = 0;
    studio.emit("history", { past, future });
  }

  function step(from, to) {
    if (!from.length) return;
    to.push(read());
    last = { kind: "", id: "", at: 0 };
    restore(from.pop());
    studio.emit("history", { past, future });
  }

  return { mark, undo: () => step(past, future), redo: () => step(future, past) };
}
