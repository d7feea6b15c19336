// Sound while it is made: pieces of PCM, played one after the other without a seam. Positions are counted in frames of
// the engine's own rate, so that neighbouring pieces meet to the sample.
const contexts = new Map(); // rate -> AudioContext; browsers allow only a few

function contextOf(rate) {
  if (!contexts.has(rate)) contexts.set(rate, new AudioContext({ sampleRate: rate, latencyHint: "interactive" }));
  return contexts.get(rate);
}

function fromBase64(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Int16Array(bytes.buffer); // little endian, as every browser's machine is
}

function makeLiveSound(rate) {
  const LEAD = Math.round(0.04 * rate); // from asking for sound to hearing it: enough not to be late
  const AHEAD = 15 * rate; // what is handed to the audio thread before its time
  const REFILL = Math.round(0.5 * rate); // after running dry, gather this much before going on
  const context = contextOf(rate);
  const pieces = []; // { start, end, pcm } in frames
  const nodes = new Set();
  const output = context.createGain(); // what is heard of this sound; a test can listen in here
  output.connect(context.destination);
  const stats = { pieces: 0, gaps: 0, asked: 0, lost: 0, firstPieceAt: 0, firstSoundAt: 0, output };
  let bus = null; // the nodes of one uninterrupted stretch, so that it can be faded out as one
  let origin = null; // playing: context frame `frame` sounds our frame `from`
  let rest = 0; // not playing: where to go on
  let next = 0; // the first piece not handed over
  let complete = false;

  const made = () => pieces.at(-1)?.end ?? 0;
  const clock = () => Math.round(context.currentTime * rate);
  const raw = () => origin.from + Math.max(0, clock() - origin.frame);
  const position = () => (origin ? Math.min(raw(), made()) : rest);
  const isDry = () => origin && next === pieces.length && raw() >= made();

  function hand(piece) {
    const skipped = Math.max(0, origin.from - piece.start);
    const buffer = context.createBuffer(1, piece.pcm.length, rate);
    const samples = buffer.getChannelData(0);
    for (let i = 0; i < samples.length; i++) samples[i] = piece.pcm[i] / 32768;
    const node = new AudioBufferSourceNode(context, { buffer });
    node.connect(bus);
    node.start((origin.frame + piece.start + skipped - origin.from) / rate, skipped / rate);
    node.onended = () => nodes.delete(node);
    nodes.add(node);
  }

  function pump() {
    if (!origin) return;
    while (next < pieces.length && pieces[next].start - raw() < AHEAD) hand(pieces[next++]);
  }

  function start(from) {
    silence();
    bus = context.createGain();
    bus.connect(output);
    origin = { frame: clock() + LEAD, from };
    if (pieces.length) stats.firstSoundAt ||= performance.now() + 1000 * (LEAD / rate + (context.baseLatency || 0));
    next = pieces.findIndex((piece) => piece.end > from);
    if (next < 0) next = pieces.length;
    pump();
  }

  // A cut in the middle of a wave is heard as a click; a fade of some milliseconds is not heard at all.
  function silence() {
    bus?.gain.setTargetAtTime(0, context.currentTime, 0.004);
    for (const node of nodes) {
      node.onended = null;
      node.stop(context.currentTime + 0.03);
    }
    nodes.clear();
    origin = bus = null;
  }

  function add(startSeconds, pcm) {
    const from = made();
    const begins = Math.max(from, Math.round(startSeconds * rate)); // a lost piece leaves silence, not a shift
    if (isDry() && from > origin.from) origin.dry = true;
    pieces.push({ start: begins, end: begins + pcm.length, pcm });
    stats.pieces++;
    stats.firstPieceAt ||= performance.now();
    if (origin?.dry) refill(from);
    else pump();
  }

  function refill(from) {
    if (!complete && made() - from < REFILL && pieces.length - next < 8) return;
    stats.gaps++;
    start(Math.min(raw(), from));
  }

  return {
    live: true,
    stats,
    add,
    pump,
    unlock: () => context.resume(),
    finish() {
      complete = true;
      if (origin?.dry) refill(made());
    },
    play(seconds) {
      context.resume();
      start(Math.min(Math.round(seconds * rate), made()));
    },
    seek(seconds) {
      const to = Math.min(Math.round(seconds * rate), made());
      if (origin) start(to);
      else rest = to;
    },
    pause() {
      rest = position();
      silence();
    },
    get playing() {
      return Boolean(origin);
    },
    get complete() {
      return complete;
    },
    get ended() {
      return complete && position() >= made();
    },
    get seconds() {
      return made() / rate;
    },
    get position() {
      return position() / rate;
    },
  };
}
