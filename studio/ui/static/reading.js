// A reading: one script being spoken, or spoken before. Which rows were asked for, which turns they became, where each
// sounds and how far it has come. It plays nothing.
function makeReading({ token, run = null, rows, owners = null, timings = [], states = "", engine = "" }) {
  const spans = []; // turn -> { start, end } in seconds
  for (const { turn, start, end } of timings) spans[turn] = { start, end };
  const reading = { token, run, rows, owners, states, engine, spans };

  const owner = (turn) => (reading.owners ? reading.owners[turn] : turn);
  reading.speakerOf = (turn) => rows[owner(turn)]?.speaker ?? "";
  reading.textOf = (turn) => rows[owner(turn)]?.text ?? "";
  reading.count = () => (reading.owners || rows).length;
  reading.turnsByRow = () => Map.groupBy(Array(reading.count()).keys(), owner);

  // Live sound comes turn by turn; each piece stretches the turn it belongs to.
  reading.stretch = (turn, start, end) => {
    const span = (spans[turn] ??= { start, end });
    span.start = Math.min(span.start, start);
    span.end = Math.max(span.end, end);
  };

  reading.settle = (exact) => {
    spans.length = 0;
    for (const { turn, start, end } of exact) spans[turn] = { start, end };
  };

  reading.span = (turns) => {
    const known = turns.map((turn) => spans[turn]).filter(Boolean);
    if (!known.length) return null;
    return { start: Math.min(...known.map((span) => span.start)), end: Math.max(...known.map((span) => span.end)) };
  };

  // The turn that sounds at a time; in a pause, none.
  reading.turnAt = (seconds) => {
    const turn = spans.findIndex((span) => span && seconds >= span.start - 0.02 && seconds < span.end);
    return turn < 0 ? null : turn;
  };

  const WORDS = { w: "waiting", s: "speaking", d: "done", f: "failed" };
  reading.stateOf = (turns) => {
    const found = turns.map((turn) => WORDS[reading.states[turn]] || "");
    return ["failed", "speaking", "waiting", "done"].find((state) => found.includes(state)) || "";
  };
  return reading;
}
