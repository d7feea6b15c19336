// The engines as a list to choose from. One that cannot run here is grey and says why and what would help.
const { el } = studio;
const desk = studio.desk;
const list = element.querySelector(".engine-list");
const gigabytes = (value) => (value < 1 ? `${Math.round(value * 1000)} MB` : `${value.toFixed(1)} GB`);

function facts(engine) {
  const memory = `${engine.memory_is_measured ? "" : "about "}${gigabytes(engine.memory_gb)} of memory`;
  return [
    engine.voices.length ? studio.plural(engine.voices.length, "voice") : null,
    engine.needs_gpu ? "needs a GPU" : null,
    memory,
    engine.licence,
  ]
    .filter(Boolean)
    .join(" · ");
}

// A remedy that is a command can be taken along; any other is a sentence.
function obstacle({ reason, remedy }) {
  const [, before, command] = /^(.*?)\bRun: (.+?)\.?$/s.exec(remedy) || [];
  const told = el(
    "p",
    { class: "engine-obstacle" },
    el("strong", {}, reason),
    ` ${command ? `${before}Run:` : remedy}`,
  );
  if (!command) return [told];
  const copy = () => navigator.clipboard?.writeText(command).then(() => studio.toast("The command is copied."));
  return [
    told,
    el("div", { class: "remedy" }, el("code", {}, command), studio.iconButton("copy", `Copy: ${command}`, copy)),
  ];
}

function card(engine) {
  const id = `engine-${engine.id}`;
  const radio = el("input", { type: "radio", name: "engine", id, value: engine.id, "aria-describedby": `${id}-about` });
  radio.disabled = Boolean(engine.obstacle);
  radio.checked = engine.id === desk.state.engine;
  radio.addEventListener("change", () => desk.set({ engine: engine.id }));
  const about = el(
    "div",
    { class: "engine-about", id: `${id}-about` },
    el("p", {}, engine.summary),
    el("p", { class: "engine-facts" }, facts(engine)),
  );
  if (engine.obstacle) about.append(...obstacle(engine.obstacle));
  return el(
    "div",
    { class: "engine", "data-off": String(radio.disabled) },
    radio,
    el("label", { for: id }, engine.title),
    about,
  );
}

function show() {
  for (const radio of list.querySelectorAll("input")) radio.checked = radio.value === desk.state.engine;
}

// Those that cannot run stand together below, so that they can be folded away once one has read why.
const FOLDED = "dialogue-studio-engines-folded";
function others(engines) {
  if (!engines.length) return [];
  const summary = el("summary", {}, studio.icon("chevron"), `Not ready here (${engines.length})`);
  const shelf = el("details", { class: "engines-off" }, summary, ...engines.map(card));
  shelf.open = !studio.memory.read(FOLDED);
  shelf.addEventListener("toggle", () => studio.memory.write(FOLDED, !shelf.open));
  return [shelf];
}

studio.on("opened", () => {
  const ready = desk.specs.filter((engine) => !engine.obstacle);
  const off = desk.specs.filter((engine) => engine.obstacle);
  list.replaceChildren(...ready.map(card), ...others(off));
});
studio.on("desk", (keys) => keys.includes("engine") && show());
