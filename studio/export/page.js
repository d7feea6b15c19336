// A comparison that was saved: the studio's player on sounds that lie in the page itself.
const studio = { sounds() {} }; // nobody else plays here
const part = (name) => document.querySelector(name);
const all = (name) => [...document.querySelectorAll(name)];
const { entries } = JSON.parse(part("#told").textContent);
const player = makeSyncPlayer({ tick: () => show() });
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
let looping = null;

const spanOf = (number, turn) => {
  const found = entries[number].turns.find(([one]) => one === turn);
  return found && { from: found[1], to: found[2] };
};
const turnNow = () => entries[player.current].turns.findLast(([, start]) => start <= player.position + 0.05)?.[0] ?? 0;

function hear(number) {
  if (!entries[number]) return;
  const before = looping != null && spanOf(player.current, looping);
  player.select(number);
  const span = looping != null && spanOf(number, looping);
  player.loop = span || null;
  if (before && span) player.seek(Math.min(span.from + Math.max(0, player.position - before.from), span.to - 0.05));
}

function loop() {
  looping = looping == null ? turnNow() : null;
  player.loop = looping == null ? null : spanOf(player.current, looping);
  show();
}

function playTurn(turn) {
  const span = spanOf(player.current, turn);
  if (!span) return;
  if (looping != null) [looping, player.loop] = [turn, span];
  player.play(span.from);
}

function show() {
  const [whole, now] = [player.seconds, player.position];
  part(".play").textContent = player.playing ? "Pause" : "Play";
  part(".seek").value = whole ? (1000 * now) / whole : 0;
  part(".time").textContent = `${clock(now)} / ${clock(whole)}`;
  part(".loop").setAttribute("aria-pressed", String(looping != null));
  all(".choose").forEach((node, at) => node.setAttribute("aria-pressed", String(at === player.current)));
  for (const node of all(".line")) node.style.left = whole ? `${(100 * now) / whole}%` : "0";
  const turn = player.playing || looping != null ? (looping ?? turnNow()) : null;
  for (const node of all(".turn")) node.classList.toggle("sounding", Number(node.dataset.turn) === turn);
}

// The loudest samples over time, in black; a dark page turns it white.
function wave(buffer, seconds) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [800, 56];
  canvas.setAttribute("aria-hidden", "true");
  const brush = canvas.getContext("2d");
  brush.fillStyle = "rgb(0 0 0 / 55%)";
  const samples = buffer.getChannelData(0);
  const per = (seconds * buffer.sampleRate) / 266;
  for (let bar = 0; bar * per < samples.length; bar++) {
    let most = 0;
    for (let at = Math.floor(bar * per); at < Math.min(samples.length, (bar + 1) * per); at++)
      most = Math.max(most, Math.abs(samples[at]));
    brush.fillRect(bar * 3, 28 - Math.max(1, most * 27), 2, Math.max(2, most * 54));
  }
  return canvas;
}

async function begin() {
  const decoder = new OfflineAudioContext(1, 1, 48000); // one that may sound wants a click first
  const buffers = [];
  for (const node of all(".sound")) {
    const bytes = Uint8Array.from(atob(node.textContent), (letter) => letter.charCodeAt(0));
    buffers.push(await decoder.decodeAudioData(bytes.buffer));
  }
  const longest = Math.max(...buffers.map((buffer) => buffer.duration));
  all(".picture").forEach((node, at) => {
    node.append(wave(buffers[at], longest), spectrogram(buffers[at], longest));
    node.addEventListener("click", ({ clientX }) => {
      const { left, width } = node.getBoundingClientRect();
      player.seek(((clientX - left) / width) * player.seconds);
    });
  });
  player.load(buffers.map((buffer, at) => ({ buffer, gain: entries[at].gain })));
  part(".play").disabled = false;
  show();
}

const KEYS = {
  " ": () => player.toggle(),
  ArrowLeft: () => player.seek(player.position - 2),
  ArrowRight: () => player.seek(player.position + 2),
  l: loop,
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !player.count) return;
  const onControl = event.target.closest("button, input, summary");
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (onControl && (key === " " || (key.startsWith("Arrow") && onControl.matches("input")))) return;
  const act = /^[1-9]$/.test(key) ? () => hear(Number(key) - 1) : KEYS[key];
  if (!act) return;
  event.preventDefault();
  act();
});
all(".choose").forEach((node, at) => {
  node.querySelector("kbd").textContent = at + 1;
  node.addEventListener("click", () => hear(at));
});
all(".turn").forEach((node) => node.addEventListener("click", () => playTurn(Number(node.dataset.turn))));
part(".play").addEventListener("click", () => player.toggle());
part(".loop").addEventListener("click", loop);
part(".seek").addEventListener("input", ({ target }) => player.seek((target.value / 1000) * player.seconds));
begin();
