// The transport: one sound at a time, live or from disk, with one position, one picture and one lit turn.
function makePlayer(root) {
  const wave = makeWave(root, { seek: (to) => seek(to), playTurn: (turn) => play(reading.spans[turn].start) });
  const button = root.querySelector(".dock-play");
  const times = root.querySelector(".dock-time");
  const slider = root.querySelector(".dock-slider");
  let sound = null;
  let file = null; // the finished file, waiting while its live sound still plays
  let reading = null;
  let until = null; // stop here: one turn is being heard
  let expected = 0; // seconds the whole will have, while it is made
  let timer = null;
  let stats = null; // of the last live sound, for whoever wants to know how it went

  const total = () =>
    file?.seconds ?? (sound?.live && !sound.complete ? Math.max(expected, sound.seconds) : sound?.seconds || 0);

  function play(from = null, to = null) {
    if (!sound) return;
    if (file && sound !== file) swap();
    const start = from ?? (sound.position >= sound.seconds - 0.05 ? 0 : sound.position);
    until = to;
    sound.play(start);
    follow();
  }

  // From the live pieces to the file: at the next pause, jump or end, so that nothing is heard of it.
  function swap() {
    const position = sound.position;
    sound.pause();
    sound = file;
    sound.seek(Math.min(position, sound.seconds));
  }

  function pause() {
    sound?.pause();
    until = null;
    follow();
  }

  function seek(to) {
    if (!sound) return;
    const { playing } = sound;
    until = null;
    if (file && sound !== file) swap();
    if (playing && !sound.live) sound.play(to);
    else sound.seek(to);
    follow();
  }

  // While something sounds: the line moves, the turn is lit, and an end is noticed.
  function follow() {
    show();
    if (sound?.playing && !timer) timer = setInterval(show, 40);
    if (!sound?.playing) stopClock();
  }

  function stopClock() {
    clearInterval(timer);
    timer = null;
  }

  function show() {
    if (!sound) return;
    sound.pump();
    const { position } = sound;
    if ((until !== null && position >= until) || sound.ended) return finish();
    wave.show({ position });
    light(sound.playing ? (reading?.turnAt(position) ?? null) : null);
    showTimes(position);
    setPlaying(sound.playing);
  }

  function finish() {
    const rest = until !== null ? until : sound.seconds;
    sound.pause();
    until = null;
    if (file && sound !== file) swap();
    stopClock();
    wave.show({ position: rest });
    light(null);
    showTimes(rest);
    setPlaying(false);
  }

  let lit = null;
  function light(turn) {
    if (turn === lit) return;
    lit = turn;
    wave.light(turn);
    studio.emit("sounding", turn);
  }

  function showTimes(position) {
    const all = total();
    times.textContent = `${studio.clock(Math.min(position, all))} / ${studio.clock(all)}`;
    slider.setAttribute("aria-valuemax", Math.round(all));
    slider.setAttribute("aria-valuenow", Math.round(position));
    slider.setAttribute("aria-valuetext", `${studio.clock(position)} of ${studio.clock(all)}`);
  }

  function setPlaying(playing) {
    if (root.dataset.playing === String(playing)) return;
    root.dataset.playing = String(playing);
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
    button.title = playing ? "Pause (space)" : "Play (space)";
    button.replaceChildren(studio.icon(playing ? "pause" : "play"));
  }

  function setLoaded(loaded) {
    root.dataset.loaded = String(loaded);
    for (const one of root.querySelectorAll(".dock-transport button")) one.disabled = !loaded;
  }
  setLoaded(false);

  // Puts another sound in, silent and at its beginning.
  function load(next, { of, peaks = [], rate = LIVE_PEAKS_PER_SECOND, seconds = 0 }) {
    sound?.pause();
    sound?.release?.();
    file?.release?.();
    [sound, file, reading, until, expected] = [next, null, of, null, seconds];
    stats = next?.stats || stats;
    setLoaded(Boolean(next));
    light(null);
    wave.show({ reading, peaks, rate, total: total(), position: 0 });
    showTimes(0);
    setPlaying(false);
    stopClock();
  }

  return {
    play,
    pause,
    seek,
    load,
    toggle: () => (sound?.playing ? pause() : play()),
    skip: (by) => sound && seek(Math.min(total(), Math.max(0, sound.position + by))),
    step(by) {
      const starts = (reading?.spans || []).filter(Boolean).map((span) => span.start);
      const now = sound?.position ?? 0;
      const to = by > 0 ? starts.find((start) => start > now + 0.05) : starts.findLast((start) => start < now - 0.8);
      if (sound) seek(to ?? (by > 0 ? now : 0));
    },
    grow: (peaks) => wave.show({ peaks, total: total(), reading }),
    redraw: () => wave.show({ reading }),
    expect: (seconds) => (expected = seconds),
    follow,
    // The file is written: the picture is exact from now on; what sounds goes on undisturbed.
    settle(finished, peaks, rate) {
      file = finished;
      const position = sound.position;
      if (!sound.playing) swap();
      expected = finished.seconds;
      wave.show({ peaks, rate, total: finished.seconds, reading, position });
      showTimes(position);
    },
    get reading() {
      return reading;
    },
    get position() {
      return sound?.position ?? 0;
    },
    get playing() {
      return Boolean(sound?.playing);
    },
    get seconds() {
      return sound?.seconds ?? 0;
    },
    get stats() {
      return stats;
    },
  };
}
