// What lies on the desk: script, cast, engine, sampling and seed. One state for all parts of the page, kept in this
// browser while it changes and, less often, on disk by the server. It draws nothing.
(() => {
  const { emit, later, memory, on, randomId } = studio;
  const KEY = "dialogue-studio";
  const COLOURS = 8;
  const MAX_SEED = 2 ** 31 - 1;
  const state = { rows: [], lead: 0, cast: [], engine: "", sampling: {}, precision: {}, seed: 0 };
  const kept = memory.read(KEY) || {};
  const browser = /^[0-9a-f]{32}$/.test(kept.browser) ? kept.browser : randomId();
  const own = new Set(kept.runs || []); // runs made by this browser: all it may see on a shared server
  let counter = 0;
  let specs = [];

  const row = (speaker, text = "", pause = null) => ({ id: `r${++counter}`, speaker, text, pause });
  const isWritten = () => state.rows.some((turn) => turn.text.trim());
  const spec = (id = state.engine) => specs.find((engine) => engine.id === id);
  const member = (name) => state.cast.find((one) => one.name === name);
  const colourOf = (name) => member(name)?.colour ?? 0;

  function freeColour(cast) {
    const used = cast.map((one) => one.colour);
    for (let colour = 0; colour < COLOURS; colour++) if (!used.includes(colour)) return colour;
    return cast.length % COLOURS;
  }

  function freeName() {
    let number = state.cast.length + 1;
    while (member(`S${number}`)) number++;
    return `S${number}`;
  }

  // The cast with everybody in it who speaks; those already there keep voice and colour.
  function castFor(names, cast = state.cast) {
    const grown = [...cast];
    for (const name of names) {
      if (!grown.some((one) => one.name === name)) grown.push({ name, voice: "", colour: freeColour(grown) });
    }
    return grown;
  }

  function nextSpeaker(name) {
    const at = state.cast.findIndex((one) => one.name === name);
    return state.cast[(at + 1) % state.cast.length].name;
  }

  // Changes some of the state and tells everybody which.
  function set(part) {
    Object.assign(state, part);
    keepHere();
    keepOnDisk();
    emit("desk", Object.keys(part));
  }

  const snapshot = () => ({
    rows: state.rows.map(({ speaker, text, pause }) => ({ speaker, text, pause })),
    lead: state.lead,
    cast: state.cast,
    engine: state.engine,
    sampling: state.sampling,
    precision: state.precision,
    seed: state.seed,
  });

  const keepHere = later(300, () => memory.write(KEY, { ...snapshot(), browser, runs: [...own].slice(-200) }));
  const keepOnDisk = later(1500, () => isWritten() && ask("save", { browser, desk: snapshot() }).catch(() => {}));
  window.addEventListener("pagehide", () => keepHere.flush());

  // What a script file, a sample, a former run or an older visit puts on the desk.
  function lay(found, { keepCast = false } = {}) {
    const rows = (found.rows || []).map((turn) => row(turn.speaker, turn.text, turn.pause ?? null));
    const before = keepCast ? state.cast : [];
    let cast = (found.cast || []).map((one, at) => ({
      voice: "",
      colour: at % COLOURS,
      ...(before.find((old) => old.name === one.name) || {}),
      ...one,
    }));
    cast = castFor(
      rows.map((turn) => turn.speaker),
      cast,
    );
    if (cast.length < 2) cast = castFor(["S1", "S2"].slice(cast.length ? 1 : 0), cast);
    const part = { rows: rows.length ? rows : [row(cast[0].name)], cast, lead: found.lead || 0 };
    if (found.engine && spec(found.engine) && !spec(found.engine).obstacle) part.engine = found.engine;
    if (found.sampling) part.sampling = found.sampling;
    if (found.precision) part.precision = found.precision;
    if (Number.isInteger(found.seed)) part.seed = found.seed;
    set(part);
  }

  // Called once, with what the server knows: engines, and the script this browser may have lost.
  function open(opened) {
    specs = opened.engines;
    const usable = specs.find((engine) => !engine.obstacle);
    state.engine = usable ? usable.id : "";
    state.seed = rollSeed();
    lay(kept.rows ? kept : opened.draft || { cast: [{ name: "S1" }, { name: "S2" }] });
  }

  // The engines as they are now. The chosen one may have gone.
  function renew(engines) {
    specs = engines;
    if (spec() && !spec().obstacle) emit("engines");
    else {
      emit("engines");
      set({ engine: specs.find((engine) => !engine.obstacle)?.id || "" });
    }
  }

  // One question to the server. Rejects with { message, remedy } that can be shown as they are.
  const LOST = {
    message: "The studio does not answer.",
    remedy: "Check that it still runs; your script is kept in this browser.",
  };
  let ask = () => Promise.reject(LOST);
  function connect(server) {
    ask = async (name, payload = {}) => {
      const answer = await server[name](payload).catch(() => null);
      if (!answer) throw LOST;
      if (answer.error) throw answer.error;
      return answer;
    };
  }

  const rollSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;

  // Only voices the engine has, only for those who speak: a choice made for another engine waits until it is back.
  function voices() {
    const isRecorded = (voice) => Boolean(spec()?.clones) && voice.startsWith("v-");
    const known = new Set((spec()?.voices || []).map((voice) => voice.id));
    const speaking = new Set(state.rows.filter((turn) => turn.text.trim()).map((turn) => turn.speaker));
    const chosen = state.cast.filter((one) => speaking.has(one.name) && one.voice);
    return Object.fromEntries(
      chosen
        .filter((one) => known.has(one.voice) || one.voice.includes("@") || isRecorded(one.voice))
        .map((one) => [one.name, one.voice]),
    );
  }

  // Of the weights: what was chosen where the engine still has it, else what is usual, which the engine says first.
  function precision() {
    const offered = (spec()?.precisions || []).map(({ name }) => name);
    const chosen = state.precision[state.engine];
    return offered.includes(chosen) ? chosen : offered[0] || "";
  }

  const order = () => ({
    rows: state.rows.map(({ id, speaker, text, pause }) => ({ id, speaker, text, pause })),
    lead: state.lead,
    engine: state.engine,
    voices: voices(),
    sampling: state.sampling[state.engine] || {},
    precision: precision(),
    seed: state.seed,
  });

  // While writing: what the engine will make of it. The latest answer wins; an older one that comes late is dropped.
  let asked = 0;
  const review = later(350, async () => {
    const number = ++asked;
    if (!isWritten()) return emit("review", null);
    const answer = await ask("review", order()).catch((problem) => ({ problem, notes: [] }));
    if (number === asked) emit("review", answer);
  });
  on("desk", (keys) => keys.some((key) => ["rows", "cast", "engine", "precision", "lead"].includes(key)) && review());

  const remember = (run) => {
    own.add(run);
    keepHere();
  };

  studio.desk = {
    state,
    MAX_SEED,
    COLOURS,
    browser,
    own,
    row,
    set,
    lay,
    open,
    renew,
    connect,
    order,
    precision,
    snapshot,
    spec,
    member,
    colourOf,
    castFor,
    freeName,
    freeColour,
    nextSpeaker,
    isWritten,
    rollSeed,
    remember,
    get specs() {
      return specs;
    },
  };
  studio.ask = (name, payload) => ask(name, payload);
})();
