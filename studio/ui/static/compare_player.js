// Several sounds in step: all run on one clock and one is heard, so that changing between them leaves no gap.
function makeSyncPlayer({ tick = () => {} } = {}) {
  let context = null;
  let tracks = []; // { buffer, gain }
  let sources = [];
  let faders = [];
  let [begun, offset, playing, current] = [0, 0, false, 0];
  let loop = null; // { from, to } in seconds
  let timer = null;
  let meter = null;
  const FADE = 0.004; // a time constant in seconds: no click, and no gap to be heard

  function wake() {
    context ||= new AudioContext();
    if (!meter) {
      meter = context.createAnalyser();
      meter.connect(context.destination);
    }
    return context;
  }

  const seconds = () => Math.max(0, ...tracks.map((track) => track.buffer.duration));
  const position = () => (playing ? Math.min(seconds(), Math.max(0, context.currentTime - begun) + offset) : offset);

  function silence() {
    for (const source of sources) source.stop();
    [sources, faders, playing] = [[], [], false];
    clearInterval(timer);
  }

  function play(from = offset) {
    if (!tracks.length) return;
    wake().resume();
    silence();
    studio.sounds("compare");
    offset = from >= seconds() - 0.02 ? (loop?.from ?? 0) : Math.max(0, from);
    begun = context.currentTime + 0.02;
    tracks.forEach((track, at) => {
      const fader = context.createGain();
      fader.gain.value = at === current ? track.gain : 0;
      fader.connect(meter);
      faders.push(fader);
      const source = context.createBufferSource();
      source.buffer = track.buffer;
      source.connect(fader);
      if (offset < track.buffer.duration) source.start(begun, offset);
      else source.start(begun, 0, 0);
      sources.push(source);
    });
    playing = true;
    timer = setInterval(step, 30);
    tick();
  }

  function pause() {
    offset = position();
    silence();
    tick();
  }

  function step() {
    const now = position();
    if (loop && now >= loop.to) return play(loop.from);
    if (now >= seconds() - 0.005) {
      silence();
      offset = 0;
    }
    tick();
  }

  function select(at) {
    if (!tracks[at]) return;
    current = at;
    faders.forEach((fader, one) => {
      fader.gain.setTargetAtTime(one === current ? tracks[one].gain : 0, context.currentTime, FADE);
    });
    tick();
  }

  return {
    play,
    pause,
    select,
    wake,
    toggle: () => (playing ? pause() : play()),
    seek(to) {
      const at = Math.min(seconds(), Math.max(0, to));
      if (playing) play(at);
      else offset = at;
      tick();
    },
    // Puts sounds in, keeping which is heard and where.
    load(next) {
      const was = playing && position();
      silence();
      tracks = next;
      if (!tracks[current]) current = 0;
      offset = Math.min(offset, seconds());
      if (was !== false) play(was);
    },
    unload() {
      silence();
      [tracks, current, offset, loop] = [[], 0, 0, null];
    },
    set loop(span) {
      loop = span;
    },
    get loop() {
      return loop;
    },
    get current() {
      return current;
    },
    get playing() {
      return playing;
    },
    get position() {
      return position();
    },
    get seconds() {
      return seconds();
    },
    get lengths() {
      return tracks.map((track) => track.buffer.duration);
    },
    get count() {
      return tracks.length;
    },
    // For whoever wants to know what sounds: how loud, and which frequency is strongest.
    heard() {
      if (!meter) return { level: 0, hertz: 0 };
      const wave = new Float32Array(meter.fftSize);
      meter.getFloatTimeDomainData(wave);
      const bins = new Uint8Array(meter.frequencyBinCount);
      meter.getByteFrequencyData(bins);
      const level = Math.sqrt(wave.reduce((sum, sample) => sum + sample * sample, 0) / wave.length);
      return { level, hertz: (bins.indexOf(Math.max(...bins)) * context.sampleRate) / meter.fftSize };
    },
  };
}
