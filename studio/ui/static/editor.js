// The script as an editable list of turns: what every change does, and keeping the rows in step with the desk.
const list = element.querySelector(".turns");
const views = new Map(); // turn id -> row
const rows = () => desk.state.rows;
const at = (id) => rows().findIndex((turn) => turn.id === id);
const idOf = (node) => node?.closest?.(".turn")?.dataset.id;

const history = makeHistory(
  () => ({ rows: rows(), cast: desk.state.cast, lead: desk.state.lead, caret: caret() }),
  (step) => {
    desk.set({ rows: step.rows, cast: step.cast, lead: step.lead });
    render();
    if (step.caret) focusTurn(at(step.caret.id) < 0 ? rows().at(-1)?.id : step.caret.id, step.caret.at);
  },
);

function caret() {
  const id = idOf(document.activeElement);
  return id && document.activeElement.tagName === "TEXTAREA" ? { id, at: document.activeElement.selectionStart } : null;
}

// Rows are kept and moved, never rebuilt: the one being written in must not lose its caret or its input method.
function render() {
  const turns = rows();
  const wanted = new Set(turns.map((turn) => turn.id));
  for (const [id, view] of views) {
    if (wanted.has(id)) continue;
    view.node.remove();
    views.delete(id);
  }
  let place = list.firstElementChild;
  turns.forEach((turn, index) => {
    let view = views.get(turn.id);
    if (!view) views.set(turn.id, (view = buildTurn(turn)));
    showTurn(view, turn, index);
    if (view.node === place) place = place.nextElementSibling;
    else list.insertBefore(view.node, place);
  });
  element.querySelector(".sheet").dataset.empty = String(!desk.isWritten() && turns.length < 2);
  const lead = element.querySelector(".lead");
  lead.hidden = !desk.state.lead;
  lead.querySelector("span").textContent = `starts after ${desk.state.lead} s of silence`;
}

function focusTurn(id, position = 0) {
  const words = views.get(id)?.words;
  if (!words) return;
  words.focus();
  words.setSelectionRange(position, position);
}

// One change of structure: remembered for undo, told to the desk, drawn, and the caret put where it belongs.
function change(part, focus) {
  history.mark("structure");
  desk.set(part);
  render();
  if (focus) focusTurn(focus.id, focus.at);
}

const replaced = (index, count, ...turns) => rows().toSpliced(index, count, ...turns);

function split(id, start, end) {
  const index = at(id);
  const turn = rows()[index];
  const added = desk.row(desk.nextSpeaker(turn.speaker), turn.text.slice(end).trimStart());
  const first = { ...turn, text: turn.text.slice(0, start).trimEnd(), pause: null };
  change({ rows: replaced(index, 1, first, { ...added, pause: turn.pause }) }, { id: added.id, at: 0 });
}

// Joins a turn to the one before it; the earlier keeps its speaker, the later its pause.
function join(id) {
  const index = at(id);
  if (index < 1) return;
  const [before, turn] = rows().slice(index - 1, index + 1);
  const gap = before.text && turn.text && !/\s$/.test(before.text) ? " " : "";
  const one = { ...before, text: before.text + gap + turn.text, pause: turn.text ? turn.pause : before.pause };
  change({ rows: replaced(index - 1, 2, one) }, { id: one.id, at: before.text.length });
}

function move(id, by, position) {
  const index = at(id);
  if (index + by < 0 || index + by >= rows().length) return;
  const without = rows().toSpliced(index, 1);
  change({ rows: without.toSpliced(index + by, 0, rows()[index]) }, { id, at: position });
}

function remove(id) {
  const index = at(id);
  if (rows().length === 1) return change({ rows: [desk.row(rows()[0].speaker)] }, { id: rows()[0].id, at: 0 });
  const next = rows()[index + 1] || rows()[index - 1];
  change({ rows: replaced(index, 1) }, { id: next.id, at: next.text.length });
}

function give(id, speaker, focus) {
  let { cast } = desk.state;
  if (speaker === NEW_SPEAKER) {
    speaker = desk.freeName();
    cast = desk.castFor([speaker]);
  }
  change({ cast, rows: rows().map((turn) => (turn.id === id ? { ...turn, speaker } : turn)) }, focus);
}

function setPause(id, pause) {
  change({ rows: rows().map((turn) => (turn.id === id ? { ...turn, pause } : turn)) });
}

function addTurn() {
  const last = rows().at(-1);
  const turn = desk.row(desk.nextSpeaker(last.speaker));
  change({ rows: [...rows(), turn] }, { id: turn.id, at: 0 });
}

function clearScript() {
  history.mark("structure");
  desk.set({ rows: [desk.row(desk.state.cast[0].name)], lead: 0 });
  render();
  focusTurn(rows()[0].id);
}

function write(id, text) {
  desk.set({ rows: rows().map((turn) => (turn.id === id ? { ...turn, text } : turn)) });
}

// Something else wrote a whole script: a sample, a file, a former run.
function layScript(found, options) {
  history.mark("structure");
  desk.lay(found, options);
  render();
}

// A pasted script takes the place of the selection; what stood around it stays around it.
function paste(id, start, end, found) {
  const index = at(id);
  const turn = rows()[index];
  const [head, tail] = [turn.text.slice(0, start).trim(), turn.text.slice(end).trim()];
  const pasted = found.rows.map((one) => desk.row(one.speaker, one.text, one.pause ?? null));
  const before = head ? [{ ...turn, text: head, pause: null }] : [];
  const after = tail ? [{ ...desk.row(turn.speaker, tail), pause: turn.pause }] : [];
  const last = pasted.at(-1);
  const cast = desk.castFor(pasted.map((one) => one.speaker));
  const alone = !rows().some((one) => one.id !== id && one.text.trim()) && !head && !tail;
  const kept = alone ? pasted : replaced(index, 1, ...before, ...pasted, ...after);
  change({ cast: alone ? tidied(cast, pasted) : cast, rows: kept }, { id: last.id, at: last.text.length });
}

// On an empty desk the speakers nobody has written for make way for those of the pasted script.
function tidied(cast, turns) {
  const used = cast.filter((one) => one.voice || turns.some((turn) => turn.speaker === one.name));
  const tidy = used.map((one, colour) => (one.voice ? one : { ...one, colour: colour % desk.COLOURS }));
  return tidy.length > 1 ? tidy : cast;
}

function mend(id, note) {
  const index = at(id);
  if (index < 0) return;
  const turn = rows()[index];
  const { start, end, text, speaker } = { start: note.start, end: note.end, ...note.fix };
  const words =
    text == null ? turn.text : (turn.text.slice(0, start) + text + turn.text.slice(end)).replace(/ {2,}/g, " ").trim();
  change(
    { rows: replaced(index, 1, { ...turn, text: words, speaker: speaker || turn.speaker }) },
    { id, at: Math.min(start, words.length) },
  );
}
