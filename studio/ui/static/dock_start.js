// Brings the dock to life: its buttons and keys, what other parts tell it, and takes that come back from the list.
let loaded = null; // a take from the list: { run, url, ... }
const FORMATS = [
  ["wav", "WAV", "exact, large"],
  ["flac", "FLAC", "exact, half as large"],
  ["mp3", "MP3", "small, plays anywhere"],
  ["m4a", "M4A", "AAC, for phones and editors"],
  ["opus", "Opus", "smallest, for the web"],
];

async function save(form) {
  const run = loaded?.id || job?.reading.run;
  try {
    const { url, name } = await studio.ask("export", { run, form });
    const sound = await fetch(url);
    if (!sound.ok) throw { message: "The file did not arrive.", remedy: "Try again." };
    studio.download(await sound.blob(), name); // by way of a blob: an address would bring its own file name
  } catch (error) {
    studio.emit("problem", error);
  }
}

// A take from the list: its sound, its picture, and the rows it was made from, so that turns light up if they still match.
function loadTake(take) {
  if (isBusy()) stop();
  loaded = take;
  job = null;
  const reading = makeReading({
    token: take.id,
    run: take.id,
    rows: take.rows,
    timings: take.timings,
    states: take.states,
    engine: take.engine,
  });
  player.load(makeFileSound(take.url, take.seconds), {
    of: reading,
    peaks: take.peaks,
    rate: take.peaks_per_second,
    seconds: take.seconds,
  });
  hideProblem();
  show();
  part(".dock-status").textContent = `${take.engine_title}, ${take.when}`;
  studio.emit("reading", reading);
  player.play(0);
}

function forgetTake(id) {
  if (id !== loaded?.id && id !== job?.reading.run) return;
  if (isBusy()) return;
  [loaded, job] = [null, null];
  player.load(null, { of: null });
  studio.emit("reading", null);
  show();
}

// Space and arrows belong to the player unless somebody types, or a control of its own has the focus.
function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || studio.isTyping(event.target)) return;
  if (document.querySelector("dialog[open]") || event.target.closest?.("[role=menu], [role=radiogroup]")) return;
  const onControl = event.target.closest?.("button, a, summary, input");
  const acts = {
    " ": () => !onControl && (player.toggle(), true),
    ArrowLeft: () => (event.shiftKey ? player.step(-1) : player.skip(-2), true),
    ArrowRight: () => (event.shiftKey ? player.step(1) : player.skip(2), true),
  };
  if (!(event.key in acts) || dock.dataset.loaded !== "true" || event.target.type === "radio") return;
  if (acts[event.key]()) event.preventDefault();
}

function onSliderKey(event) {
  const to = { Home: 0, End: player.seconds, PageUp: null, PageDown: null }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  if (to === null) player.step(event.key === "PageDown" ? 1 : -1);
  else player.seek(to);
}

function begin() {
  studio.drawIcons(element);
  part(".dock-speak").addEventListener("click", () => act());
  part(".dock-play").addEventListener("click", player.toggle);
  part(".dock-previous").addEventListener("click", () => player.step(-1));
  part(".dock-next").addEventListener("click", () => player.step(1));
  part(".dock-slider").addEventListener("keydown", onSliderKey);
  part(".dock-problem button").addEventListener("click", hideProblem);
  studio.menu(part(".dock-files"), () =>
    FORMATS.map(([form, label, hint]) => ({ label, hint, act: () => save(form) })),
  );
  document.addEventListener("keydown", onKey);
  const tellHeight = () => document.documentElement.style.setProperty("--dock", `${dock.offsetHeight}px`);
  new ResizeObserver(tellHeight).observe(dock);
  studio.on("act", act);
  studio.on("asked", (order) => {
    loaded = null;
    asked(order);
  });
  studio.on("lost", lost);
  studio.on("load take", loadTake);
  studio.on("forget take", forgetTake);
  studio.on("problem", showProblem);
  studio.on("review", (answer) => {
    if (ofScript && answer && !answer.problem) hideProblem(); // it is mended
    estimate = answer;
    showEstimate();
  });
  studio.on("desk", (keys) => keys.includes("cast") && player.redraw());
  show();
}
watch("value", () => hear(props.value));
begin();
