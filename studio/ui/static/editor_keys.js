// The keyboard of the script: keys, paste, and which row's tools Tab reaches. One set of listeners for all rows.
const KEYS = {
  Enter: (id, field) => split(id, field.selectionStart, field.selectionEnd),
  ArrowUp: (id, field) => stepOut(id, field, -1),
  ArrowDown: (id, field) => stepOut(id, field, 1),
  Backspace: (id, field) => field.selectionEnd === 0 && at(id) > 0 && (join(id), true),
  Delete: (id, field) => {
    const next = rows()[at(id) + 1];
    return field.selectionStart === field.value.length && next && (join(next.id), true);
  },
  Escape: (_id, field) => (field.blur(), true),
};
const ALT_KEYS = {
  ArrowUp: (id, field) => move(id, -1, field.selectionStart),
  ArrowDown: (id, field) => move(id, 1, field.selectionStart),
  KeyS: (id, field) => give(id, desk.nextSpeaker(rows()[at(id)].speaker), { id, at: field.selectionStart }),
  KeyP: (id) => openPause(id),
  Enter: (id) => hearTurn(id),
  Backspace: (id) => remove(id),
};

// In a turn of one line the arrows go to the turn above or below; in a longer one they first go through its lines.
function stepOut(id, field, by) {
  const other = rows()[at(id) + by];
  const style = getComputedStyle(field);
  const oneLine = field.clientHeight < 1.9 * parseFloat(style.lineHeight);
  const edge = by < 0 ? field.selectionEnd === 0 : field.selectionStart === field.value.length;
  if (!other || !(oneLine || edge)) return false;
  focusTurn(other.id, Math.min(field.selectionStart, other.text.length));
  return true;
}

function openPause(id) {
  const turn = rows()[at(id)];
  if (turn.pause == null) setPause(id, 1);
  views.get(id).seconds.focus();
  views.get(id).seconds.select();
}

function onKey(event) {
  const field = event.target;
  const id = idOf(field);
  const control = event.ctrlKey || event.metaKey;
  if (control && event.code === "KeyZ") return done(event, event.shiftKey ? history.redo() : history.undo());
  if (control && event.code === "KeyY") return done(event, history.redo());
  if (!id || event.isComposing || field.tagName !== "TEXTAREA" || control) return;
  const keys = event.altKey ? ALT_KEYS : KEYS;
  const act = keys[event.altKey ? event.code : event.key];
  if (!act || event.shiftKey) return;
  if (event.key !== "Enter" && !event.altKey && field.selectionStart !== field.selectionEnd) return;
  if (act(id, field) !== false) done(event);
}

function done(event) {
  event.preventDefault();
  event.stopPropagation();
}

function onBeforeInput(event) {
  if (event.target.tagName !== "TEXTAREA") return;
  if (event.inputType === "historyUndo" || event.inputType === "historyRedo") {
    event.preventDefault(); // the browser's own history does not know turns; its menu entry does what our key does
    return event.inputType === "historyUndo" ? history.undo() : history.redo();
  }
  history.mark("type", idOf(event.target));
}

function onInput(event) {
  const id = idOf(event.target);
  if (event.target.tagName !== "TEXTAREA" || !id) return;
  write(id, event.target.value);
  const view = views.get(id);
  showMirror(view, event.target.value);
  Object.assign(view.shown, { text: event.target.value, notes: null });
  if (element.querySelector(".sheet").dataset.empty === "true") render();
}

// Several lines are a script: the server reads them as it would read a file. One line is only text.
async function onPaste(event) {
  const text = event.clipboardData?.getData("text/plain") ?? "";
  const field = event.target;
  const id = idOf(field);
  if (!id || field.tagName !== "TEXTAREA" || !/\S\s*\n\s*\S/.test(text)) return;
  event.preventDefault();
  const { selectionStart, selectionEnd } = field;
  const cast = desk.state.cast.map((one) => one.name);
  try {
    const found = await studio.ask("split", { text, cast });
    paste(id, selectionStart, selectionEnd, found);
    tellLeftOut(found);
  } catch (error) {
    field.setRangeText(text.replace(/\s+/g, " "), selectionStart, selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    studio.emit("problem", error);
  }
}

// Only the row one is in offers its tools to Tab: 200 rows would otherwise be a thousand stops.
let reachable = null;
function onFocus(event) {
  const view = views.get(idOf(event.target));
  if (!view || view === reachable) return;
  for (const [owner, index] of [
    [reachable, -1],
    [view, 0],
  ]) {
    for (const part of TOOLS) if (owner) owner[part].tabIndex = index;
  }
  reachable = view;
}

function onClick(event) {
  const view = views.get(idOf(event.target));
  const button = event.target.closest("button");
  if (!view || !button) return;
  const id = view.node.dataset.id;
  if (button === view.play) hearTurn(id);
  else if (button === view.timer) openPause(id);
  else if (button === view.remove) remove(id);
  else if (button === view.noPause) setPause(id, null);
}

function onChange(event) {
  const view = views.get(idOf(event.target));
  if (!view) return;
  const id = view.node.dataset.id;
  if (event.target === view.speaker) give(id, view.speaker.value, { id, at: rows()[at(id)].text.length });
  if (event.target === view.seconds) {
    const seconds = Math.min(60, Math.max(0, Number.parseFloat(view.seconds.value) || 0));
    setPause(id, seconds);
    view.seconds.value = seconds;
  }
}

function fillOpened(event) {
  if (event.target?.matches(".turn-speaker")) fillSpeakers(event.target, rows()[at(idOf(event.target))].speaker);
}

const LISTENERS = {
  keydown: onKey,
  beforeinput: onBeforeInput,
  input: onInput,
  paste: onPaste,
  focusin: onFocus,
  click: onClick,
  change: onChange,
};
for (const [name, hear] of Object.entries(LISTENERS)) list.addEventListener(name, hear);
for (const name of ["pointerdown", "focusin"]) list.addEventListener(name, fillOpened);
