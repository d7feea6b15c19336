// Side by side: every entry with its sound, its picture and what was measured, all played in step.
const COLOURS = 8;
const player = makeSyncPlayer({ tick: () => showPosition() });
let shown = null; // the comparison as last told
let buffers = new Map(); // url -> AudioBuffer
let spectra = new Map(); // url -> its picture, and how many seconds wide it is
let looping = null; // the turn that is repeated
let polling = null;

async function openSide(id) {
  setView("side");
  part(".compare-side-view").replaceChildren(el("p", { class: "help" }, "Opening …"));
  shown = null;
  await refreshSide(id);
}

async function refreshSide(id) {
  clearTimeout(polling);
  const told = await studio.ask("comparison", { id });
  if (view() !== "side") return;
  const before = shown;
  shown = told;
  if (!before || before.id !== id) layOut();
  showItems();
  await loadSounds();
  if (told.running && view() === "side") polling = setTimeout(() => attempt(() => refreshSide(id)), 500);
}

function layOut() {
  looping = null;
  player.unload();
  const turns = shown.rows.map((row, turn) =>
    el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: "compare-turn", "data-turn": turn, onclick: () => playTurn(turn) },
        el("strong", {}, row.speaker),
        ` ${row.text}`,
      ),
    ),
  );
  part(".compare-side-view").replaceChildren(
    el("h3", { class: "compare-name" }, shown.name),
    el("div", { class: "compare-row compare-actions" }),
    el(
      "div",
      { class: "compare-transport" },
      iconButton("play", "Play", () => player.toggle(), { class: "tool compare-play" }),
      el("input", { type: "range", class: "compare-seek", min: 0, max: 1000, value: 0, "aria-label": "Position" }),
      el("span", { class: "compare-time" }, "0:00"),
      el(
        "button",
        { type: "button", class: "small compare-loop", "aria-pressed": "false", onclick: toggleLoop },
        "Repeat the turn",
      ),
    ),
    el("ol", { class: "compare-items", "aria-label": "Entries" }),
    el("p", { class: "help keys-help" }, "Keys: 1 to 8 change what is heard, space plays, arrows move by 2 s, L repeats the turn."),
    el("p", { class: "help" }, "Pictures: level, and below it pitches up to 8 kHz."),
    el("h3", {}, "Turns"),
    el("ol", { class: "compare-turns" }, ...turns),
  );
  const seek = part(".compare-seek");
  seek.addEventListener("input", () => player.seek((seek.value / 1000) * player.seconds));
}

const ready = () => shown.items.filter((item) => item.url);

async function loadSounds() {
  const wanted = ready();
  const fresh = wanted.filter((item) => !buffers.has(item.url));
  for (const item of fresh) {
    const answer = await fetch(item.url);
    if (!answer.ok) throw { message: `${item.label} cannot be played.`, remedy: "Its file may be gone; open it again." };
    buffers.set(item.url, await player.wake().decodeAudioData(await answer.arrayBuffer()));
  }
  if (view() !== "side") return;
  showSpectra();
  if (!fresh.length && player.count === wanted.length) return;
  player.load(wanted.map((item) => ({ buffer: buffers.get(item.url), gain: item.gain })));
  showPosition();
}

// --- what is shown of an entry

const STATES = { waiting: "Waiting", speaking: "", finished: "", failed: "Failed", stopped: "Stopped" };
const missing = (why) => el("span", { class: "compare-missing", title: why }, `not measured: ${why}`);

function peakMemory(memory) {
  if (!memory) return missing("it was spoken by an earlier version");
  if (memory.missing) return missing(memory.missing);
  const process = `${memory.process_gb} GB of the process, ${memory.rise_gb} GB more than before`;
  return memory.gpu_gb == null ? process : `${memory.gpu_gb} GB on the card`;
}

function facts(item) {
  const { words, mos, distillmos, likeness, memory } = item.measures;
  const rating = (one) => (one.missing ? missing(one.missing) : `${one.value.toFixed(2)} of 5`);
  const told = [
    ["Length", `${item.seconds.toFixed(1)} s`],
    ["Work", item.rtf == null ? "–" : `${item.rtf.toFixed(3)} s for a second of sound`],
    ["Peak memory", peakMemory(memory)],
    ["Loudness", item.loudness_lufs == null ? "silent" : `${item.loudness_lufs.toFixed(1)} LUFS, played at −20.0`],
  ];
  if (words) told.push(["Wrong words", words.missing ? missing(words.missing) : `${(words.wer * 100).toFixed(1)} %`]);
  if (mos) told.push(["Sound (DNSMOS)", rating(mos)]);
  if (distillmos) told.push(["Sound (DistillMOS)", rating(distillmos)]);
  if (likeness) {
    const each = Object.entries(likeness.speakers || {}).map(([who, one]) => `${who} ${one.value ?? one.missing}`);
    told.push(["Likeness", likeness.missing ? missing(likeness.missing) : each.join(", ")]);
  }
  return el("dl", { class: "compare-facts" }, ...told.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

// What a recogniser heard, word by word, with what differs from the script.
function heardWords(item) {
  const { words } = item.measures;
  if (!words?.pairs) return null;
  const nodes = words.pairs.flatMap(([said, heard]) => {
    if (said === heard) return [`${said} `];
    const wrong = [said && el("del", {}, said), heard && el("ins", {}, heard)].filter(Boolean);
    return [...wrong, " "];
  });
  return el(
    "details",
    { class: "compare-more" },
    el("summary", {}, `What ${words.model} heard`),
    el("p", { class: "compare-heard" }, ...nodes),
  );
}

function picture(item, longest) {
  const canvas = el("canvas", { class: "compare-wave", width: 800, height: 56, "aria-hidden": "true" });
  const brush = canvas.getContext("2d");
  brush.fillStyle = getComputedStyle(element).getPropertyValue("--line-strong");
  const per = longest / 266;
  for (let bar = 0; bar < 266; bar++) {
    const from = Math.floor(bar * per * item.peaks_per_second);
    const till = Math.max(from + 1, Math.ceil((bar + 1) * per * item.peaks_per_second));
    const tall = Math.max(2, Math.max(0, ...item.peaks.slice(from, till)) * 54);
    if (from < item.peaks.length) brush.fillRect(bar * 3, 28 - tall / 2, 2, tall);
  }
  const seek = ({ offsetX, currentTarget }) => player.seek((offsetX / currentTarget.clientWidth) * player.seconds);
  const scale = ["8 kHz", "0"].map((text) => el("span", { class: "compare-hertz", "aria-hidden": "true" }, text));
  const below = el("div", { class: "compare-below" }, ...scale);
  return el("div", { class: "compare-picture", onclick: seek }, canvas, below, el("div", { class: "compare-line" }));
}

// Of the sounds that are here; each is drawn once for a length of the picture.
function showSpectra() {
  const longest = longestOf(ready());
  for (const item of ready()) {
    const buffer = buffers.get(item.url);
    if (!buffer) continue;
    if (spectra.get(item.url)?.longest !== longest)
      spectra.set(item.url, { longest, canvas: spectrogram(buffer, longest) });
    part(`.compare-item[data-id="${item.id}"] .compare-below`)?.prepend(spectra.get(item.url).canvas);
  }
}

const longestOf = (items) => Math.max(1, ...items.map((item) => item.seconds));

function itemNode(item, at, number, longest) {
  if (!item.url) {
    const why = [STATES[item.state] || item.doing || "Speaking", item.reason, item.remedy].filter(Boolean);
    return el(
      "li",
      { class: "compare-item", "data-state": item.state },
      el("p", { class: "compare-label" }, item.label),
      el("p", { class: item.state === "failed" ? "compare-reason" : "help" }, why.join(". ").replace("..", ".")),
    );
  }
  const choose = el(
    "button",
    { type: "button", class: "compare-choose", "aria-pressed": String(number === player.current), onclick: () => hear(number) },
    el("kbd", {}, `${number + 1}`),
    el("span", { class: "compare-label" }, item.label),
  );
  const send = el("button", { type: "button", class: "small", onclick: () => sendToDesk(item) }, "Use in the dialogue");
  return el(
    "li",
    { class: "compare-item", "data-state": item.state, "data-number": number, "data-colour": at % COLOURS },
    el("div", { class: "compare-row" }, choose, favourite(item), send),
    picture(item, longest),
    facts(item),
    heardWords(item),
  );
}

function showItems() {
  let number = 0;
  const open = new Set([...element.querySelectorAll(".compare-item details[open]")].map((one) => one.closest("li").dataset.id));
  const longest = longestOf(ready());
  const nodes = shown.items.map((item, at) => {
    const node = itemNode(item, at, item.url ? number++ : -1, longest);
    node.dataset.id = item.id;
    if (open.has(item.id)) node.querySelector("details")?.setAttribute("open", "");
    return node;
  });
  part(".compare-items").replaceChildren(...nodes);
  const spoken = ready().length;
  const rest = shown.items.length - spoken;
  const act = (label, name, then) =>
    el("button", { type: "button", class: "small", onclick: () => attempt(() => studio.ask(name, { id: shown.id }).then(then)) }, label);
  const again = () => refreshSide(shown.id);
  const measuring = shown.running && !rest ? ", now being measured" : "";
  part(".compare-actions").replaceChildren(
    ...(shown.running ? [act("Stop", "halt_comparison", again)] : []),
    ...(spoken && !shown.running ? [["Save all (.zip)", ".zip"], ["Save as a page", ".html"]].map(saveButton) : []),
    ...(!shown.running && rest ? [act(`Speak the ${plural(rest, "other entry", "other entries")}`, "resume_comparison", again)] : []),
    ...(spoken > 1 ? [el("button", { type: "button", class: "small", onclick: () => attempt(() => openBlind(shown.target)) }, "Blind test")] : []),
    el("span", { class: "help", role: "status" }, `${spoken} of ${plural(shown.items.length, "entry", "entries")} spoken${measuring}`),
  );
  showSpectra();
  showPosition();
}

// --- playing

function hear(number) {
  const item = ready()[number];
  if (!item) return;
  const from = ready()[player.current];
  player.select(number);
  if (looping != null) followTurn(from, item);
}

// While a turn is repeated, the other entry goes on at the same place of the same turn.
function followTurn(before, item) {
  const span = spanOf(item, looping);
  const old = before && spanOf(before, looping);
  player.loop = span;
  if (span && old) player.seek(Math.min(span.from + Math.max(0, player.position - old.from), span.to - 0.05));
}

function spanOf(item, turn) {
  const found = item?.turns.find(([number]) => number === turn);
  return found && { from: found[1], to: found[2] };
}

function playTurn(turn) {
  const span = spanOf(ready()[player.current], turn);
  if (!span) return;
  if (looping != null) {
    looping = turn;
    player.loop = span;
  }
  player.play(span.from);
}

const turnNow = () => {
  const item = ready()[player.current];
  return item?.turns.findLast(([, start]) => start <= player.position + 0.05)?.[0] ?? 0;
};

function toggleLoop() {
  looping = looping == null ? turnNow() : null;
  player.loop = looping == null ? null : spanOf(ready()[player.current], looping);
  showPosition();
}

function showPosition() {
  if (view() !== "side" || !shown) return;
  const [all, now] = [player.seconds, player.position];
  const play = part(".compare-play");
  if (play.dataset.playing !== String(player.playing)) {
    play.dataset.playing = String(player.playing);
    play.replaceChildren(studio.icon(player.playing ? "pause" : "play"));
    play.setAttribute("aria-label", player.playing ? "Pause" : "Play");
  }
  play.disabled = !player.count;
  part(".compare-seek").value = all ? (1000 * now) / all : 0;
  part(".compare-time").textContent = `${clock(now)} / ${clock(all)}`;
  part(".compare-loop").setAttribute("aria-pressed", String(looping != null));
  const turn = player.playing || looping != null ? (looping ?? turnNow()) : null;
  for (const node of element.querySelectorAll(".compare-turn"))
    node.classList.toggle("sounding", Number(node.dataset.turn) === turn);
  for (const node of element.querySelectorAll(".compare-item[data-number]")) {
    const isOn = Number(node.dataset.number) === player.current;
    node.querySelector(".compare-choose").setAttribute("aria-pressed", String(isOn));
    node.querySelector(".compare-line").style.left = all ? `${(100 * now) / all}%` : "0";
  }
}

function sendToDesk(item) {
  const { engine, seed, sampling, precision, voices } = item.desk;
  const names = [...new Set(shown.rows.map((row) => row.speaker))];
  studio.emit("restore", {
    rows: shown.rows,
    lead: shown.lead,
    cast: names.map((name) => ({ name, voice: voices[name] || "" })),
    engine,
    seed,
    sampling: { ...studio.desk.state.sampling, [engine]: sampling },
    precision: { ...studio.desk.state.precision, [engine]: precision },
  });
  openDialogue();
}

const openDialogue = () => document.querySelector('[role="tab"]')?.click();
