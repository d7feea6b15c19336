// Blind: two sounds without a name. Both must be heard; then an answer, and only then what they were.
const CHOICES = [
  ["first", "A is better", "←"],
  ["second", "B is better", "→"],
  ["tie", "No difference", "↓"],
  ["bad", "Both bad", "↑"],
];
const REASONS = [
  ["voice", "v"],
  ["rhythm", "r"],
  ["words", "w"],
  ["artefacts", "f"],
  ["emotion", "e"],
];
const pair = makeSyncPlayer({ tick: () => showBlind() });
let test = null; // { id, listener } of the test that runs
let question = null; // as the studio asked it
let heard = [0, 0]; // seconds each side was heard
let told = null; // what it was, after the answer
let picked = new Set(); // reasons
let lastPosition = null; // of the sound, when it was last looked at

async function openBlind(id) {
  leaveSide();
  setView("blind");
  const known = studio.memory.read("dialogue-studio-listener") || "";
  const name = el("input", { type: "text", class: "blind-name", maxlength: 40, value: known, autocomplete: "off" });
  const form = el(
    "form",
    { class: "blind-start" },
    el("h3", {}, "Blind test"),
    el(
      "p",
      { class: "help" },
      "Two takes of the same script, without a name, equally loud. Say which is better; then you are told what they were. Stop whenever you like: every answer is kept at once. Now and then a pair comes again, or one is spoilt on purpose, to learn how steadily you hear.",
    ),
    el("label", { class: "compare-field" }, "Your name or a nickname", name),
    el("button", { type: "submit", class: "small main" }, "Begin"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    test = { id, listener: name.value.trim() };
    root.dataset.test = id;
    attempt(async () => {
      await ask();
      studio.memory.write("dialogue-studio-listener", test.listener);
    });
  });
  part(".compare-blind-view").replaceChildren(form);
  name.focus();
}

function samplesOf(text, rate) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const pcm = new Int16Array(bytes.buffer);
  const buffer = pair.wake().createBuffer(1, pcm.length, rate);
  buffer.getChannelData(0).set(Float32Array.from(pcm, (sample) => sample / 32768));
  return buffer;
}

async function ask() {
  const next = await studio.ask("blind_question", { id: test.id, listener: test.listener });
  if (view() !== "blind") return;
  [question, heard, told, picked, lastPosition] = [next, [0, 0], null, new Set(), null];
  pair.unload();
  pair.load(next.sounds.map((sound) => ({ buffer: samplesOf(sound, next.sample_rate), gain: 1 })));
  delete next.sounds;
  layOutBlind();
  pair.play(0);
}

function layOutBlind() {
  const sides = ["A", "B"].map((name, at) =>
    el(
      "button",
      { type: "button", class: "blind-side", "data-side": at, onclick: () => listen(at) },
      el("span", { class: "blind-letter" }, name),
      el("span", { class: "blind-heard" }),
    ),
  );
  const choices = CHOICES.map(([choice, label, key]) =>
    el(
      "button",
      { type: "button", class: "blind-choice", "data-choice": choice, onclick: () => attempt(() => vote(choice, "pointer")) },
      label,
      el("kbd", {}, key),
    ),
  );
  const reasons = REASONS.map(([tag, key]) =>
    el(
      "button",
      { type: "button", class: "small blind-tag", "data-tag": tag, "aria-pressed": "false", onclick: () => pick(tag) },
      tag,
      el("kbd", {}, key.toUpperCase()),
    ),
  );
  part(".compare-blind-view").replaceChildren(
    el("p", { class: "help blind-count" }, `${plural(question.votes, "answer")} so far, ${test.listener}`),
    el("div", { class: "blind-sides" }, ...sides),
    el(
      "div",
      { class: "compare-transport" },
      iconButton("play", "Play", () => pair.toggle(), { class: "tool blind-play" }),
      el("progress", { class: "blind-bar", max: 1, value: 0, "aria-label": "Position" }),
      el("span", { class: "compare-time" }, "0:00"),
    ),
    el("p", { class: "help blind-hint" }, ""),
    el("div", { class: "blind-choices", role: "group", "aria-label": "Which is better?" }, ...choices),
    el("div", { class: "compare-row", role: "group", "aria-label": "Why, if you can say" }, ...reasons),
    el("div", { class: "blind-told", role: "status" }),
    el(
      "div",
      { class: "compare-row" },
      el("button", { type: "button", class: "small main blind-next", hidden: true, onclick: () => attempt(ask) }, "Next pair (Enter)"),
      el("button", { type: "button", class: "small blind-tell", onclick: () => attempt(giveUp) }, "Tell me without an answer"),
    ),
    el("p", { class: "help" }, "Keys: 1 and 2 change what is heard, space plays, arrows answer, letters say why."),
  );
  showBlind();
}

function listen(side) {
  countHeard();
  pair.select(side);
  if (!pair.playing) pair.play();
}

function pick(tag) {
  if (told) return;
  if (!picked.delete(tag)) picked.add(tag);
  showBlind();
}

const least = () => Math.min(question.least_seconds, 0.9 * pair.seconds);
const bothHeard = () => heard.every((seconds) => seconds >= least());

// Time is counted by the clock of the sound, for the side that was heard.
function countHeard() {
  const now = pair.position;
  if (lastPosition !== null) heard[pair.current] += now >= lastPosition ? now - lastPosition : pair.seconds - lastPosition;
  lastPosition = pair.playing ? now : null;
}

function showBlind() {
  if (view() !== "blind" || !question || !part(".blind-sides")) return;
  countHeard();
  for (const node of element.querySelectorAll(".blind-side")) {
    const side = Number(node.dataset.side);
    node.setAttribute("aria-pressed", String(side === pair.current));
    node.querySelector(".blind-heard").textContent =
      told?.[side ? "second" : "first"].label ?? (heard[side] >= least() ? "heard" : "not heard yet");
  }
  const play = part(".blind-play");
  if (play.dataset.playing !== String(pair.playing)) {
    play.dataset.playing = String(pair.playing);
    play.replaceChildren(studio.icon(pair.playing ? "pause" : "play"));
    play.setAttribute("aria-label", pair.playing ? "Pause" : "Play");
  }
  part(".blind-bar").value = pair.seconds ? pair.position / pair.seconds : 0;
  element.querySelector(".compare-blind-view .compare-time").textContent = `${clock(pair.position)} / ${clock(pair.seconds)}`;
  const open = !told && bothHeard();
  part(".blind-hint").textContent = told || open ? "" : `Hear ${least().toFixed(0)} s or more of both, then answer.`;
  for (const node of element.querySelectorAll(".blind-choice")) node.disabled = !open;
  for (const node of element.querySelectorAll(".blind-tag")) {
    node.setAttribute("aria-pressed", String(picked.has(node.dataset.tag)));
    node.disabled = Boolean(told);
  }
}

async function vote(choice, by) {
  if (told || !bothHeard()) return;
  const answer = { question: question.question, choice, heard, tags: [...picked], by };
  reveal(await studio.ask("blind_answer", answer));
}

async function giveUp() {
  if (!told) reveal(await studio.ask("blind_reveal", { question: question.question }));
}

const KINDS = {
  gold: "One of the two was spoilt on purpose, to learn how you hear.",
  repeat: "You had answered this pair before: this was to learn how steady you are.",
  pair: "",
};

function reveal(found) {
  told = found;
  pair.pause();
  const was = `A was ${found.first.label}. B was ${found.second.label}.`;
  const kept = found.counted ? "Your answer is kept." : found.why;
  part(".blind-told").replaceChildren(
    el("p", { class: "blind-was" }, was),
    el("p", { class: "help" }, [kept, KINDS[found.kind]].filter(Boolean).join(" ")),
  );
  for (const node of element.querySelectorAll(".blind-choice"))
    node.classList.toggle("chosen", found.counted && node.dataset.choice === found.choice);
  part(".blind-tell").hidden = true;
  const next = part(".blind-next");
  next.hidden = false;
  next.focus({ preventScroll: true });
  showBlind();
}

function leaveBlind() {
  pair.unload();
  [question, told, test] = [null, null, null];
  part(".compare-blind-view").replaceChildren();
}
