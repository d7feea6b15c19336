// One turn of the script as a row: its speaker, its words, what is said about them, its pause and its tools. It shows a
// turn and knows where its parts are; what a key or a button does is decided in editor.js.
const { el, icon, iconButton } = studio;
const desk = studio.desk;
const CUE = /\([^()\n]{1,40}\)|\[pause[^\]\n]*\]/gi;
const NEW_SPEAKER = "\u0000new";
const TOOLS = ["speaker", "play", "timer", "remove", "seconds", "noPause"]; // within reach of Tab in the row one is in
const STATES = { waiting: "waiting", speaking: "being spoken", done: "spoken", failed: "not spoken" };

function buildTurn(turn) {
  const speaker = el("select", { class: "turn-speaker" });
  const mirror = el("div", { class: "turn-mirror", dir: "auto", "aria-hidden": "true" });
  const words = el("textarea", {
    rows: 1,
    dir: "auto",
    spellcheck: "true",
    autocapitalize: "sentences",
    enterkeyhint: "enter",
  });
  const state = el("span", { class: "turn-state" });
  const notes = el("div", { class: "turn-notes" });
  const play = iconButton("play", "Hear this turn", null, { class: "tool turn-play" });
  const timer = iconButton("timer", "Set the pause after this turn", null, { class: "tool turn-timer" });
  const remove = iconButton("trash", "Delete this turn", null, { class: "tool turn-delete" });
  const seconds = el("input", {
    type: "number",
    min: 0,
    max: 60,
    step: 0.1,
    inputmode: "decimal",
    class: "pause-seconds",
  });
  const noPause = iconButton("close", "Leave the pause to the studio", null, { class: "tool pause-remove" });
  const pause = el(
    "div",
    { class: "turn-pause", hidden: true },
    icon("timer"),
    el("label", {}, "pause ", seconds, " s"),
    noPause,
  );
  const node = el(
    "li",
    { class: "turn", "data-id": turn.id },
    el("div", { class: "turn-who" }, speaker, state),
    el("div", { class: "turn-body" }, el("div", { class: "turn-text" }, mirror, words), notes, pause),
    el("div", { class: "turn-tools" }, play, timer, remove),
  );
  const view = { node, speaker, mirror, words, state, notes, play, timer, remove, pause, seconds, noPause, shown: {} };
  for (const part of TOOLS) view[part].tabIndex = -1;
  return view;
}

// Brings a row up to date, touching only what changed: a script may have two hundred of them.
function showTurn(view, turn, index) {
  const { shown } = view;
  const colour = desk.colourOf(turn.speaker);
  if (shown.colour !== colour) view.node.dataset.colour = shown.colour = colour;
  if (shown.speaker !== turn.speaker) {
    view.speaker.replaceChildren(el("option", { value: turn.speaker, selected: true }, turn.speaker));
    view.speaker.dataset.filled = "";
  }
  if (shown.index !== index || shown.speaker !== turn.speaker) nameParts(view, turn.speaker, index + 1);
  if (view.words.value !== turn.text) view.words.value = turn.text;
  if (shown.text !== turn.text) showMirror(view, turn.text);
  if (shown.pause !== turn.pause) showPause(view, turn.pause);
  Object.assign(shown, { speaker: turn.speaker, index, text: turn.text, pause: turn.pause });
}

function nameParts(view, speaker, number) {
  const names = {
    speaker: `Speaker of turn ${number}`,
    words: `Turn ${number}, ${speaker}`,
    play: `Hear turn ${number}`,
    timer: `Pause after turn ${number}`,
    remove: `Delete turn ${number}`,
    seconds: `Seconds of pause after turn ${number}`,
    noPause: `Leave the pause after turn ${number} to the studio`,
  };
  for (const [part, name] of Object.entries(names)) view[part].setAttribute("aria-label", name);
}

function showPause(view, pause) {
  view.pause.hidden = pause == null;
  view.timer.hidden = pause != null;
  if (pause != null && document.activeElement !== view.seconds) view.seconds.value = pause;
}

// The mirror lies under the words, sizes the row, and tints cues and what is noted; its own letters are not seen.
function showMirror(view, text, marks = []) {
  const spans = [...text.matchAll(CUE)].map((cue) => ({
    start: cue.index,
    end: cue.index + cue[0].length,
    kind: "cue",
  }));
  const cuts = [...marks.filter((mark) => mark.end > mark.start), ...spans].sort((a, b) => a.start - b.start);
  const parts = [];
  let at = 0;
  for (const { start, end, kind } of cuts) {
    if (start < at) continue; // a note on a cue has coloured it already
    parts.push(text.slice(at, start), el("mark", { class: kind }, text.slice(start, end)));
    at = end;
  }
  view.mirror.replaceChildren(...parts, text.slice(at) + "\u200b");
}

function showNotes(view, turn, notes) {
  const key = JSON.stringify(notes);
  if (view.shown.notes === key) return;
  view.shown.notes = key;
  const marks = notes.map(({ start, end, level }) => ({ start, end, kind: level }));
  showMirror(view, turn.text, marks);
  const messages = notes.map((note) => note.message);
  const different = notes.filter((note, index) => messages.indexOf(note.message) === index);
  view.notes.replaceChildren(...different.map((note) => noteLine(note, () => mend(turn.id, note))));
}

function noteLine(note, mendIt) {
  const fix = note.fix && el("button", { type: "button", class: "fix", onclick: mendIt }, note.fix.label);
  const drawing = icon(note.level === "info" ? "info" : "alert");
  return el("p", { class: `note ${note.level}` }, drawing, el("span", {}, note.message), fix);
}

function showState(view, state) {
  if (view.shown.state === state) return;
  view.shown.state = state;
  view.node.dataset.state = state || "";
  const drawing = { done: "check", failed: "alert" }[state];
  view.state.replaceChildren(...(drawing ? [icon(drawing)] : []));
  if (state)
    Object.entries({ role: "img", "aria-label": STATES[state] }).forEach(([name, value]) =>
      view.state.setAttribute(name, value),
    );
  else ["role", "aria-label"].forEach((name) => view.state.removeAttribute(name));
}

// The whole cast is put into a menu only when it is opened: 200 rows times 60 speakers would be 12,000 options.
function fillSpeakers(select, current) {
  if (select.dataset.filled === "yes") return;
  const options = desk.state.cast.map(({ name }) => el("option", { value: name, selected: name === current }, name));
  select.replaceChildren(...options, el("option", { value: NEW_SPEAKER }, "New speaker"));
  select.dataset.filled = "yes";
}
