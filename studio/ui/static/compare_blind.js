// Blind: sounds without a name. All must be heard; then an answer, and only then what they were. Of two, which is better;
// or, as ABX, which of the two a third one is. Used by the Compare tab and by the page of who comes by a link.
const TESTS = {
  pair: {
    names: ["A", "B"],
    choices: [
      ["first", "A is better", "←"],
      ["second", "B is better", "→"],
      ["tie", "No difference", "↓"],
      ["bad", "Both bad", "↑"],
    ],
    ask: "Which is better?",
    keys: "Keys: 1 and 2 change what is heard, space plays, comma and full stop move by 2 s, arrows answer, letters say why.",
  },
  abx: {
    names: ["A", "B", "X"],
    choices: [
      ["first", "X is A", "←"],
      ["second", "X is B", "→"],
    ],
    ask: "Which of the two is X?",
    keys: "Keys: 1, 2 and 3 change what is heard, space plays, comma and full stop move by 2 s, left says that X is A, right that it is B.",
  },
};
const REASONS = [
  ["voice", "v"],
  ["rhythm", "r"],
  ["words", "w"],
  ["artefacts", "f"],
  ["emotion", "e"],
];
const pair = makeSyncPlayer({ tick: () => (view() === "blind" ? showBlind() : showRating()) });
let test = null; // { id, listener, test, pair, tells } of the test that runs
let question = null; // as the studio asked it
let heard = []; // seconds each sound was heard
let told = null; // what it was, after the answer
let picked = new Set(); // reasons
let lastPosition = null; // of the sound, when it was last looked at
let isSent = false; // an answer is under way

function samplesOf(text, rate) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const pcm = new Int16Array(bytes.buffer);
  const buffer = pair.wake().createBuffer(1, pcm.length, rate);
  buffer.getChannelData(0).set(Float32Array.from(pcm, (sample) => sample / 32768));
  return buffer;
}

// Puts the sounds of an answer into the player, all unheard.
function takeSounds({ sounds, sample_rate }) {
  [heard, lastPosition, isSent] = [sounds.map(() => 0), null, false];
  pair.unload();
  pair.load(sounds.map((sound) => ({ buffer: samplesOf(sound, sample_rate), gain: 1 })));
}

// The first sounds take a second or more: says so in the meantime, and puts back what was there when they do not come.
async function soundsFor(place, asked) {
  const before = [...part(place).childNodes];
  const say = () => part(place).replaceChildren(el("p", { class: "help", role: "status" }, "Making the sounds ready …"));
  const timer = setTimeout(say, 400);
  try {
    return await asked;
  } catch (problem) {
    part(place).replaceChildren(...before);
    throw problem;
  } finally {
    clearTimeout(timer);
  }
}

async function ask() {
  const next = await soundsFor(".compare-blind-view", studio.ask("blind_question", { ...test }));
  if (view() !== "blind") return;
  [question, told, picked] = [next, null, new Set()];
  takeSounds(next);
  delete next.sounds;
  layOutBlind();
  pair.play(0);
}

function soundButton(name, at) {
  return el(
    "button",
    { type: "button", class: "blind-side", "data-side": at, onclick: () => listen(at) },
    el("span", { class: "blind-letter" }, name),
    el("span", { class: "blind-heard" }),
  );
}

function transport() {
  const bar = el("progress", { class: "blind-bar", max: 1, value: 0, "aria-label": "Position" });
  bar.addEventListener("click", ({ offsetX }) => move((pair.seconds * offsetX) / bar.offsetWidth));
  return el(
    "div",
    { class: "compare-transport" },
    iconButton("play", "Play", () => pair.toggle(), { class: "tool blind-play" }),
    bar,
    el("span", { class: "compare-time" }, "0:00"),
  );
}

// What is jumped over was not heard.
function move(to) {
  countHeard();
  lastPosition = null;
  pair.seek(to);
  lastPosition = null;
}

const moves = { ",": () => move(pair.position - 2), ".": () => move(pair.position + 2) };

function layOutBlind() {
  const kind = TESTS[test.test];
  const isAbx = test.test === "abx";
  const choices = kind.choices.map(([choice, label, key]) =>
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
  const count = isAbx ? `Trial ${question.trial} of ${question.run}` : `${plural(question.votes, "answer")} so far`;
  part(".compare-blind-view").replaceChildren(
    el("p", { class: "help blind-count" }, `${count}, ${test.listener}`),
    el("div", { class: "blind-sides", "data-count": kind.names.length }, ...kind.names.map(soundButton)),
    transport(),
    el("p", { class: "help blind-hint" }, ""),
    el("div", { class: "blind-choices", role: "group", "aria-label": kind.ask }, ...choices),
    ...(isAbx ? [] : [el("div", { class: "compare-row", role: "group", "aria-label": "Why, if you can say" }, ...reasons)]),
    el("div", { class: "blind-told", role: "status" }),
    el(
      "div",
      { class: "compare-row" },
      el(
        "button",
        { type: "button", class: "small main blind-next", hidden: true, onclick: () => attempt(ask) },
        isAbx ? "Another run (Enter)" : "Next pair (Enter)",
      ),
      isAbx || !test.tells
        ? null
        : el("button", { type: "button", class: "small blind-tell", onclick: () => attempt(giveUp) }, "Tell me without an answer"),
    ),
    el("p", { class: "help keys-help" }, kind.keys),
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
const allHeard = () => heard.every((seconds) => seconds >= least());

// Time is counted by the clock of the sound, for the one that was heard.
function countHeard() {
  const now = pair.position;
  if (lastPosition !== null) heard[pair.current] += now >= lastPosition ? now - lastPosition : pair.seconds - lastPosition;
  lastPosition = pair.playing ? now : null;
}

function showTransport() {
  const play = part(".blind-play");
  if (play.dataset.playing !== String(pair.playing)) {
    play.dataset.playing = String(pair.playing);
    play.replaceChildren(studio.icon(pair.playing ? "pause" : "play"));
    play.setAttribute("aria-label", pair.playing ? "Pause" : "Play");
  }
  part(".blind-bar").value = pair.seconds ? pair.position / pair.seconds : 0;
  play.parentNode.querySelector(".compare-time").textContent = `${clock(pair.position)} / ${clock(pair.seconds)}`;
}

function showBlind() {
  if (view() !== "blind" || !question || !part(".blind-sides")) return;
  countHeard();
  for (const node of element.querySelectorAll(".blind-side")) {
    const side = Number(node.dataset.side);
    node.setAttribute("aria-pressed", String(side === pair.current));
    const was = told && [told.first, told.second][side];
    node.querySelector(".blind-heard").textContent = was?.label ?? (heard[side] >= least() ? "heard" : "not heard yet");
  }
  showTransport();
  const open = !told && !isSent && allHeard();
  part(".blind-hint").textContent =
    told || allHeard() ? "" : `Hear ${least().toFixed(1).replace(".0", "")} s or more of ${heard.length > 2 ? "all three" : "both"}, then answer.`;
  for (const node of element.querySelectorAll(".blind-choice")) node.disabled = !open;
  for (const node of element.querySelectorAll(".blind-tag")) {
    node.setAttribute("aria-pressed", String(picked.has(node.dataset.tag)));
    node.disabled = Boolean(told);
  }
}

async function vote(choice, by) {
  if (told || isSent || !allHeard()) return;
  isSent = true;
  const answer = { ...test, question: question.question, choice, heard, tags: [...picked], by };
  try {
    const found = await studio.ask("blind_answer", answer);
    if (found.first || found.result || !found.counted) reveal(found);
    else await ask();
  } finally {
    isSent = false;
  }
}

async function giveUp() {
  if (!told) reveal(await studio.ask("blind_reveal", { ...test, question: question.question }));
}

const KINDS = {
  gold: "One of the two was spoilt on purpose, to learn how you hear.",
  repeat: "You had answered this pair before: this was to learn how steady you are.",
};

function reveal(found) {
  told = found;
  pair.pause();
  const was = found.first ? `A was ${found.first.label}. B was ${found.second.label}.` : (found.result?.verdict ?? "");
  const kept = found.counted ? "Your answer is kept." : found.why;
  part(".blind-told").replaceChildren(
    el("p", { class: "blind-was" }, was),
    el("p", { class: "help" }, [kept, KINDS[found.kind]].filter(Boolean).join(" ")),
  );
  for (const node of element.querySelectorAll(".blind-choice"))
    node.classList.toggle("chosen", found.counted && node.dataset.choice === found.choice);
  const tell = part(".blind-tell");
  if (tell) tell.hidden = true;
  const next = part(".blind-next");
  next.hidden = false;
  next.focus({ preventScroll: true });
  showBlind();
}

function blindKey(key) {
  if (!question) return null;
  const tag = test.test === "pair" && REASONS.find(([, letter]) => letter === key)?.[0];
  if (tag) return () => pick(tag);
  const names = TESTS[test.test].names;
  if (/^[1-9]$/.test(key) && names[key - 1]) return () => listen(key - 1);
  const arrows = { ArrowLeft: "first", ArrowRight: "second", ArrowDown: "tie", ArrowUp: "bad" };
  const choice = TESTS[test.test].choices.find(([name]) => name === arrows[key])?.[0];
  if (choice) return () => attempt(() => vote(choice, "keys"));
  return { ...moves, " ": () => pair.toggle(), Enter: told && (() => attempt(ask)) }[key];
}

function leaveBlind() {
  pair.unload();
  [question, told, test] = [null, null, null];
  part(".compare-blind-view").replaceChildren();
  part(".compare-rate-view").replaceChildren();
}
