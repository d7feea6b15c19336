// A line in this voice, by one engine or several, and how like the recording each sounds.
function makeCloneTry(root, { current, refused, voice, suit }) {
  const { el } = studio;
  const part = (name) => root.querySelector(name);
  const heard = part(".try-heard");
  const ASK_AGAIN = 350; // milliseconds
  let told = null;
  let chosen = new Set();
  let set = {}; // engine -> parameter -> value, where it is not what is kept with the voice, nor the engine's own
  let audio = null;

  const LOW_END = 0.5; // of the scale that is drawn
  const at = (cosine) => `${Math.min(100, Math.max(0, (100 * (cosine - LOW_END)) / (1 - LOW_END)))}%`;

  function others() {
    const names = told.others;
    if (!names.length) return "";
    const last = names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0];
    return ` ${last} ${names.length > 1 ? "have voices of their own and do" : "has voices of its own and does"} not clone.`;
  }

  function show() {
    const ready = told.engines.filter(({ obstacle }) => !obstacle);
    part(".try-told").textContent = ready.length
      ? `Every engine says the line in turn.${others()}`
      : `No engine that clones voices is ready yet. Set one up on the Dialogue tab, below the engines.${others()}`;
    if (!chosen.size && ready.length) chosen.add(ready[0].id);
    part(".try-engines").replaceChildren(...told.engines.map(choice));
    part(".try-begin").disabled = !ready.length;
  }

  const kept = (id) => voice().settings?.[id] || {};

  function settings({ id, title, parameters }) {
    const fields = parameters.map(({ name, title: label, default: usual, minimum, maximum, step, help }) => {
      const range = { type: "number", min: minimum, max: maximum, step, title: help, "aria-label": `${label}, ${title}` };
      const input = el("input", range);
      input.value = set[id]?.[name] ?? kept(id)[name] ?? usual;
      input.addEventListener("change", () => {
        const value = Math.min(maximum, Math.max(minimum, Number.parseFloat(input.value)));
        set[id] = { ...set[id], [name]: Number.isFinite(value) ? value : usual };
        input.value = set[id][name];
      });
      return el("label", {}, el("span", {}, label), input);
    });
    const told = Object.keys(kept(id)).length ? "Settings, as kept with this voice" : "Settings";
    return el("details", { class: "try-settings" }, el("summary", {}, told), el("div", {}, ...fields));
  }

  function choice({ id, title, obstacle, parameters }) {
    const box = el("input", { type: "checkbox", value: id, disabled: Boolean(obstacle) });
    box.checked = chosen.has(id) && !obstacle;
    const more = settings({ id, title, parameters });
    more.hidden = !box.checked || !parameters.length;
    box.addEventListener("change", () => {
      box.checked ? chosen.add(id) : chosen.delete(id);
      more.hidden = !box.checked || !parameters.length;
    });
    const why = obstacle ? el("span", { class: "try-why", title: obstacle.remedy }, obstacle.reason) : null;
    const label = el(
      "label",
      { class: "try-engine", "data-off": String(Boolean(obstacle)) },
      box,
      el("strong", {}, title),
      why,
    );
    return el("div", {}, label, obstacle ? "" : more);
  }

  function scale({ likeness, judged }) {
    if (likeness == null) return el("p", { class: "help" }, `Likeness to the recording: ${judged}`);
    const { same, surely_same, surely_different } = told.scale;
    const marks = [
      [surely_different, "another person below"],
      [same, "the same person above"],
      [surely_same, "surely the same"],
    ].map(([value, title]) => {
      const mark = el("i", { title: `${title}: ${value}` });
      mark.style.left = at(value);
      return mark;
    });
    const needle = el("b", {});
    needle.style.left = at(likeness);
    return el(
      "div",
      { class: "likeness", "data-same": String(likeness >= same) },
      el(
        "p",
        {},
        `Sounds like ${judged}`,
        el("span", {}, ` · likeness ${likeness.toFixed(2)}, same person from ${same}`),
      ),
      el("div", { class: "likeness-scale", "aria-hidden": "true" }, ...marks, needle),
    );
  }

  const PHASES = {
    asked: () => "Asking for it",
    waiting: ({ position }) => (position > 1 ? `${position - 1} waiting before` : "Next"),
    loading: () => "Loading the engine",
    speaking: () => "Speaking",
    assembling: () => "Finishing",
    stopped: () => "Stopped",
  };

  // What the engine does not do anyway: only that is kept.
  function unusual(id, sampling) {
    const { parameters } = told.engines.find((one) => one.id === id);
    return Object.fromEntries(
      parameters.filter((one) => sampling[one.name] !== one.default).map(({ name }) => [name, sampling[name]]),
    );
  }

  function keeping(state, node) {
    const { engine, title } = node.dataset;
    const found = unusual(engine, state.sampling);
    const { id, isSample } = voice();
    const same = JSON.stringify(Object.entries(found).sort()) === JSON.stringify(Object.entries(kept(engine)).sort());
    const words = el("p", { class: "help", role: "status" });
    if (same && !Object.keys(found).length) return "";
    if (same) words.textContent = "These settings are kept with the voice.";
    if (same) return words;
    if (!id || isSample) {
      words.textContent = isSample
        ? "To keep these settings with the voice, duplicate the sample and try the copy."
        : "Save the voice to keep these settings with it.";
      return words;
    }
    const keep = el("button", { type: "button", class: "small try-keep" }, "Keep: these settings suit this voice");
    keep.addEventListener("click", async () => {
      try {
        const { voice: changed } = await studio.ask("suit_voice", { id, engine, settings: found });
        if (voice().id === id) suit(changed);
        keep.replaceWith(words);
        words.textContent = Object.keys(found).length
          ? `Kept. ${title} speaks this voice with them wherever nothing else is set.`
          : `Kept. ${title} speaks this voice with its usual settings again.`;
        show();
      } catch (problem) {
        words.textContent = `${problem.message} ${problem.remedy}`;
        keep.after(words);
      }
    });
    return keep;
  }

  function finished(state, node) {
    studio.desk.remember(state.run);
    const play = studio.iconButton("play", `Hear ${node.dataset.title}`, () => hear(state.url), {
      class: "tool try-play",
    });
    const facts = `${state.seconds.toFixed(1)} s, made in ${state.work_seconds.toFixed(1)} s`;
    const notes = state.notes.map((note) => el("p", { class: "help" }, note));
    const name = el("p", {}, el("strong", {}, node.dataset.title), ` ${facts}`);
    node.replaceChildren(play, el("div", {}, name, scale(state), ...notes, keeping(state, node)));
    studio.emit("over");
    if (heard.querySelector(".try-play") === play) hear(state.url);
  }

  function hear(url) {
    audio?.pause();
    studio.sounds("try");
    audio = new Audio(url);
    audio.play().catch(() => {});
  }
  studio.on("hush", (who) => who !== "try" && audio?.pause());

  async function follow(token, node) {
    const words = el("span", { role: "status" });
    const stop = el("button", { type: "button", class: "small" }, "Stop");
    stop.addEventListener("click", () => studio.ask("end_audition", { token }).catch(() => {}));
    node.replaceChildren(
      el("span", { class: "listening" }),
      el("p", {}, el("strong", {}, node.dataset.title), " ", words),
      stop,
    );
    for (;;) {
      const state = await studio.ask("audition", { token });
      if (state.phase === "finished") return finished(state, node);
      if (state.phase === "failed") throw state.error;
      words.textContent = PHASES[state.phase](state);
      if (state.phase === "stopped") return (stop.remove(), node.querySelector(".listening").remove());
      await new Promise((go) => setTimeout(go, ASK_AGAIN));
    }
  }

  async function begin() {
    const engines = told.engines.filter(({ id, obstacle }) => chosen.has(id) && !obstacle);
    if (!engines.length)
      return refused({ field: "line", message: "No engine is chosen.", remedy: "Choose one below." });
    refused(null);
    const seed = studio.desk.rollSeed();
    const asks = engines.map(async ({ id, title }) => {
      const node = el("li", { class: "try-take", "data-title": title, "data-engine": id });
      const token = studio.randomId().slice(0, 16);
      try {
        const line = part("#try-line").value;
        const sampling = { ...kept(id), ...set[id] };
        await studio.ask("begin_audition", { token, engine: id, line, seed, sampling, ...current() });
        heard.prepend(node);
        await follow(token, node);
      } catch (problem) {
        if (problem.field) return refused(problem);
        heard.prepend(node);
        node.replaceChildren(
          studio.icon("alert"),
          el("p", {}, el("strong", {}, problem.message), ` ${problem.remedy}`),
        );
      }
    });
    await Promise.all(asks);
  }

  async function look() {
    told = await studio.ask("cloning").catch(() => told);
    if (told) show();
  }
  part(".try-begin").addEventListener("click", begin);
  part("#try-line").addEventListener("keydown", (event) => event.key === "Enter" && begin());
  studio.on("engines", look);
  look();
  const showVoice = () => {
    set = {};
    if (told) show();
  };
  return {
    clear: () => {
      heard.replaceChildren();
      showVoice();
    },
    show: showVoice,
  };
}
