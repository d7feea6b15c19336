// The dock: one button that speaks and stops, what happens meanwhile in words, and the player. Its value comes from the
// server while a script is spoken: { token, phase, ring, ... }; the ring holds the last pieces of sound, told once more
// with every change, so that none is missed when several changes arrive as one.
const { clock, plural } = studio;
const dock = element.querySelector(".dock");
const player = (studio.player = makePlayer(dock));
const part = (selector) => element.querySelector(selector);
const BUSY = ["asked", "waiting", "loading", "speaking", "assembling"];
let job = null; // { token, phase, reading, sound, meter, next, owners }
let estimate = null;
let ofScript = false; // whether what the dock complains of is the script, as it was then

const isBusy = () => job && BUSY.includes(job.phase);

function asked(order) {
  const engine = studio.desk.spec(order.engine);
  if (!engine) return;
  const sound = makeLiveSound(engine.sample_rate);
  sound.unlock(); // only now, in the click itself, may a browser allow sound
  const rows = order.rows.map(({ id, speaker, text }) => ({ id, speaker, text }));
  const reading = makeReading({ token: order.token, rows, owners: [], engine: order.engine });
  job = {
    token: order.token,
    phase: "asked",
    reading,
    sound,
    meter: makeMeter(engine.sample_rate),
    next: 0,
    early: new Map(),
    title: engine.title,
    began: performance.now(),
  };
  player.load(sound, { of: reading, seconds: estimate?.seconds || 0 });
  hideProblem();
  studio.emit("reading", reading);
  show();
}

// A new value from the server. Values of an older job, still on their way, are not for us.
function hear(value) {
  if (!value || !job || value.token !== job.token || (!isBusy() && job.phase !== "stopping")) return;
  if (value.owners) job.reading.owners = value.owners;
  if (value.seconds) player.expect(value.seconds);
  for (const piece of value.ring.filter(Boolean).sort((a, b) => a[0] - b[0])) receive(piece);
  const changed = job.phase !== value.phase || job.reading.states !== value.states;
  if (job.phase !== "stopping" || !BUSY.includes(value.phase)) job.phase = value.phase;
  Object.assign(job, { position: value.position, progress: value.progress, joined: value.joined, error: value.error });
  job.reading.states = value.states;
  if (value.run) studio.desk.remember((job.reading.run = value.run));
  if (value.result) finish(value.result);
  else if (!BUSY.includes(value.phase)) over();
  if (changed) studio.emit("reading", job.reading);
  show();
}

// Pieces are played in order. One that arrives too early waits until those between have been asked for.
function receive(piece) {
  const [number] = piece;
  if (number < job.next) return;
  job.early.set(number, piece);
  if (number > job.next && !job.asking) askFor(job);
  playInOrder();
}

function playInOrder() {
  for (; job.early.has(job.next); job.next++) {
    listen(job.early.get(job.next));
    job.early.delete(job.next);
  }
}

async function askFor(asking) {
  asking.asking = true;
  const { pieces } = await studio
    .ask("pieces", { token: asking.token, first: asking.next })
    .catch(() => ({ pieces: [] }));
  asking.asking = false;
  if (asking !== job) return;
  job.sound.stats.asked++;
  for (const piece of pieces) job.early.set(piece[0], piece);
  const oldest = Math.min(...job.early.keys());
  if (Number.isFinite(oldest) && oldest > job.next) {
    job.sound.stats.lost += oldest - job.next; // no longer kept: silence takes its place
    job.next = oldest;
  }
  playInOrder();
}

function listen([, turn, start, text]) {
  const pcm = fromBase64(text);
  const first = !job.sound.stats.pieces;
  job.sound.add(start, pcm);
  job.meter.hear(pcm);
  if (turn >= 0) job.reading.stretch(turn, start, job.sound.seconds);
  if (first && job.phase !== "stopping") player.play(0);
  player.grow(job.meter.peaks);
  player.follow();
}

function finish(result) {
  job.sound.finish();
  job.reading.settle(result.timings);
  player.settle(makeFileSound(result.url, result.seconds), result.peaks, result.peaks_per_second);
  job.result = result;
  over();
}

function over() {
  job.sound.finish();
  if (!job.sound.stats.pieces) player.load(null, { of: null });
  else if (!job.result) player.grow(job.meter.peaks);
  if (job.phase === "failed" && job.error) showProblem(job.error);
  studio.emit("over", job);
  studio.emit("reading", job.reading);
}

async function stop() {
  if (!isBusy()) return;
  const { token } = job;
  job.phase = "stopping";
  player.pause();
  show();
  await studio.ask("stop", { token }).catch((error) => studio.emit("problem", error));
}

// The server went away, or met an error it has no words for: what was heard stays, and one can try again.
function lost() {
  if (!isBusy() && job?.phase !== "stopping") return;
  Object.assign(job, {
    phase: "failed",
    error: { message: "The studio broke off.", remedy: "Try again; if it happens once more, look at its log." },
  });
  job.reading.states = job.reading.states.replace(/[ws]/g, ".");
  over();
  show();
}

// One button and one key: speak when nothing is spoken, else stop.
function act(options) {
  if (isBusy()) return stop();
  if (job?.phase === "stopping") return;
  if (!studio.desk.isWritten()) {
    return showProblem({
      message: "The script is empty.",
      remedy: "Write a line, paste a dialogue, or start from a sample.",
    });
  }
  studio.emit("speak", options);
}

const PHASES = {
  asked: () => "Asking for it",
  waiting: () => (job.position > 1 ? `${plural(job.position - 1, "other")} waiting before you` : "You are next"),
  loading: () => `Loading ${job.title}`,
  speaking: () => `Speaking ${turnNow()}`,
  assembling: () => (job.joined ? `Joining the turns, ${Math.round(100 * job.joined)} %` : "Joining the turns"),
  stopping: () => "Stopping",
  stopped: () => (job.sound.stats.pieces ? `Stopped in ${turnNow()}` : "Stopped"),
  failed: () => (job.sound.stats.pieces ? "Not spoken to the end" : "Not spoken"),
  finished: () =>
    [`${clock(job.result.seconds)} of sound, made in ${seconds(job.result.work_seconds)}`, ...job.result.notes].join(". "),
};
const turnNow = () => `turn ${Math.min(job.reading.count(), spokenTurns() + 1)} of ${job.reading.count()}`;
const spokenTurns = () => [...(job.reading.states || "")].filter((state) => state === "d").length;
const seconds = (value) => (value < 10 ? `${Math.max(0.1, value).toFixed(1)} s` : clock(value));

function show() {
  const busy = isBusy() || job?.phase === "stopping";
  dock.dataset.phase = job?.phase || "idle";
  part(".dock-status").textContent = job ? PHASES[job.phase]() : "";
  const speak = part(".dock-speak");
  if (speak.dataset.busy !== String(busy)) {
    speak.dataset.busy = String(busy);
    speak.replaceChildren(studio.icon(busy ? "stop" : "voice"), studio.el("span", {}, busy ? "Stop" : "Speak"));
  }
  speak.disabled = job?.phase === "stopping";
  part(".dock-progress").style.transform = `scaleX(${busy ? (job.progress ?? 0) : 0})`;
  part(".dock-files").disabled = !(job?.result || loaded);
  showEstimate();
}

function showEstimate() {
  const line = part(".dock-estimate");
  line.dataset.problem = String(Boolean(estimate?.problem));
  if (!estimate) line.textContent = studio.desk.isWritten() ? "" : "Nothing to say yet";
  else if (estimate.problem)
    line.textContent = estimate.notes.length ? "One turn cannot be read; see its note" : estimate.problem.message;
  else
    line.replaceChildren(
      `About ${clock(estimate.seconds)} of sound, ${plural(estimate.passages, "passage")}`,
      studio.el("span", {}, `, ${estimate.device}`),
    );
}

function showProblem({ message, remedy = "" }) {
  part(".dock-problem-text").replaceChildren(studio.el("strong", {}, message), ` ${remedy}`);
  part(".dock-problem").hidden = false;
  ofScript = !studio.desk.isWritten() || Boolean(estimate?.problem);
}

function hideProblem() {
  part(".dock-problem").hidden = true;
}
