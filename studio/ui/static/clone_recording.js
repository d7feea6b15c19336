// The open recording: its picture and cut, what is done to it, and how it is weighed each time that changes.
function makeCloneRecording(root, { setup }) {
  const part = (name) => root.querySelector(name);
  const sound = makeCloneSound();
  const wave = makeCloneWave(part(".cut"), { change: setCut, settle, hear: (at) => play(at) });
  const words = makeCloneWords(root, { setup, playWord });
  let recording = null;
  let [which, loop, near] = ["prepared", false, false];
  let timer = null;
  let number = 0;

  const cut = () => recording.steps.cut || [0, recording.seconds];
  const seconds = (value) => `${value.toFixed(1)} s`;

  // ---- what is heard
  function play(at = null) {
    const [from, to] = cut();
    const isOutside = at != null && (at < from || at > to);
    if (isOutside) sound.play({ from: at, to: recording.seconds, at });
    else
      sound.play({
        from,
        to,
        at: at ?? (sound.position > from && sound.position < to ? sound.position : from),
        loop,
        which: heardAs(),
      });
    follow();
  }
  const heardAs = () => (which === "prepared" && sound.prepared ? "prepared" : "original");

  function playWord(start, end) {
    if (!recording.weighed) return;
    const from = recording.weighed.cut[0];
    sound.play({ from: from + start, to: from + end + 0.05, which: "prepared" });
    follow();
  }

  function follow() {
    showPlaying();
    clearInterval(timer);
    if (sound.playing) timer = setInterval(showPlaying, 40);
  }

  function showPlaying() {
    if (!recording) return;
    if (!sound.playing) clearInterval(timer);
    wave.show({ position: sound.position });
    const button = part(".cut-play");
    const [from, to] = cut();
    part(".cut-times").textContent = `${seconds(to - from)} of ${seconds(recording.seconds)}`;
    if (button.dataset.playing === String(sound.playing)) return;
    button.dataset.playing = String(sound.playing);
    const label = sound.playing ? "Pause" : "Play the selection";
    button.setAttribute("aria-label", label);
    button.title = label;
    button.replaceChildren(studio.icon(sound.playing ? "pause" : "play"));
  }

  // ---- what is done to it
  function setCut(next) {
    recording.steps = { ...recording.steps, cut: next };
    wave.show({ cut: next });
    showPlaying();
    showTrim();
  }

  // A change is over: it can be undone, and what comes of it is weighed.
  function settle() {
    const now = JSON.stringify(recording.steps);
    if (now === recording.past.at(-1)) return;
    recording.past.push(now);
    recording.future = [];
    changed();
  }

  function changed() {
    recording.changed = true;
    part(".weighed").setAttribute("aria-busy", "true");
    if (sound.playing) sound.pause();
    showSteps();
    weighSoon();
  }

  function step(from, to) {
    if (from === recording.past && from.length < 2) return;
    const state = from.pop();
    to.push(state);
    recording.steps = JSON.parse(recording.past.at(-1));
    wave.show({ cut: cut() });
    changed();
    showTrim();
  }

  function take() {
    setCut([...recording.trim]);
    settle();
  }

  function showTrim() {
    const { trim, trim_reason } = recording;
    const [from, to] = cut();
    const isTaken = trim && Math.abs(trim[0] - from) < 0.02 && Math.abs(trim[1] - to) < 0.02;
    part(".trim").hidden = Boolean(isTaken);
    part(".trim-take").hidden = !trim;
    part(".trim-what").textContent = trim ? `Suggested: ${trim[0].toFixed(1)} to ${seconds(trim[1])}.` : "";
    part(".trim-why").textContent = trim_reason;
  }

  function showSteps() {
    for (const box of root.querySelectorAll("[data-step]")) box.checked = recording.steps[box.dataset.step];
    part(".cut-undo").disabled = recording.past.length < 2;
    part(".cut-redo").disabled = !recording.future.length;
    const done = recording.weighed?.done || [];
    const isBusy = !recording.weighed && !recording.failed;
    part(".steps-done").textContent = isBusy
      ? "Measuring …"
      : done.length
        ? `Done: ${done.join("; ")}. The original is kept.`
        : "As it was brought.";
  }

  // ---- what comes of it
  const weighSoon = studio.later(250, weigh);
  async function weigh() {
    const mine = recording;
    const now = ++number;
    part(".weighed").setAttribute("aria-busy", "true");
    try {
      const weighed = await studio.ask("weigh", { source: mine.source, steps: mine.steps });
      if (now !== number) return;
      Object.assign(mine, { weighed, failed: null });
      if (mine !== recording) return;
      const prepared = await sound.decode(weighed.url);
      if (now !== number) return;
      if (sound.playing && which === "prepared") sound.pause(); // what sounds is no longer what there is
      sound.set({ prepared, from: weighed.cut[0] });
      words.write();
    } catch (problem) {
      if (now !== number) return;
      Object.assign(mine, { weighed: null, failed: problem });
      studio.emit("clone problem", problem);
    }
    showWeighed(root, mine.weighed);
    showSteps();
    follow();
    part(".weighed").setAttribute("aria-busy", "false");
    studio.emit("clone changed");
  }

  function facts() {
    const { codec, sample_rate, channels, bits, notes } = recording.facts;
    const kind = `${codec.replace(/^pcm_.*/, "PCM").toUpperCase()}, ${sample_rate / 1000} kHz${bits ? `, ${bits} bit` : ""}`;
    const many = channels === 1 ? "mono" : channels === 2 ? "stereo" : `${channels} channels`;
    return [`${recording.name}: ${seconds(recording.seconds)}, ${kind}, ${many}.`, ...notes].join(" ");
  }

  async function open(next) {
    sound.pause();
    number++;
    recording = next;
    near = false;
    part(".cut-zoom").setAttribute("aria-pressed", "false");
    part(".weighed").setAttribute("aria-busy", "true");
    sound.set({ original: null, prepared: null });
    sound.seek(cut()[0]);
    part(".recording-facts").textContent = facts();
    wave.show({
      buffer: null,
      seconds: next.seconds,
      cut: cut(),
      speech: next.speech,
      trim: next.trim,
      position: cut()[0],
    });
    showWeighed(root, next.weighed);
    showSteps();
    showTrim();
    words.open(next);
    showPlaying();
    try {
      next.buffer ||= await sound.decode(next.url);
    } catch (problem) {
      studio.emit("clone problem", problem);
    }
    if (next !== recording) return;
    sound.set({ original: next.buffer });
    wave.show({ buffer: next.buffer });
    await weigh();
  }

  part(".cut-play").addEventListener("click", () => (sound.playing ? (sound.pause(), follow()) : play()));
  part(".cut-loop").addEventListener("click", ({ currentTarget }) => {
    loop = !loop;
    currentTarget.setAttribute("aria-pressed", String(loop));
    if (sound.playing) play(sound.position);
  });
  part(".cut-zoom").addEventListener("click", ({ currentTarget }) => {
    near = !near;
    currentTarget.setAttribute("aria-pressed", String(near));
    wave.zoom(near);
  });
  part(".cut-undo").addEventListener("click", () => step(recording.past, recording.future));
  part(".cut-redo").addEventListener("click", () => {
    if (recording.future.length) step(recording.future, recording.past);
  });
  part(".trim-take").addEventListener("click", take);
  for (const button of root.querySelectorAll(".ab button"))
    button.addEventListener("click", () => {
      which = button.dataset.which;
      for (const one of root.querySelectorAll(".ab button")) one.setAttribute("aria-pressed", String(one === button));
      if (sound.playing) play(sound.position);
    });
  for (const box of root.querySelectorAll("[data-step]"))
    box.addEventListener("change", () => {
      recording.steps = { ...recording.steps, [box.dataset.step]: box.checked };
      settle();
    });
  part(".cut").addEventListener("keydown", (event) => {
    if (event.key === " " && event.target.matches(".cut-handle")) {
      event.preventDefault();
      event.stopPropagation();
      part(".cut-play").click();
    }
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
      event.preventDefault();
      part(event.shiftKey ? ".cut-redo" : ".cut-undo").click();
    }
  });
  studio.on("clone sound", follow);

  return { open, stop: () => sound.pause() };
}
