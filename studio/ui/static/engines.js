// The engines as a list to choose from. One that cannot run here is grey and says why and what would help.
const { el } = studio;
const desk = studio.desk;
const list = element.querySelector(".engine-list");
const gigabytes = (value) => (value < 1 ? `${Math.round(value * 1000)} MB` : `${value.toFixed(1)} GB`);

function facts(engine) {
  const memory = `${engine.memory_is_measured ? "" : "about "}${gigabytes(engine.memory_gb)} of memory`;
  return [engine.voices.length ? studio.plural(engine.voices.length, "voice") : null, engine.needs_gpu ? "needs a GPU" : null, memory, engine.licence].filter(Boolean).join(" · ");
}

// A remedy that is a command can be taken along; any other is a sentence.
function obstacle({ reason, remedy }) {
  const [, before, command] = /^(.*?)\bRun: (.+?)\.?$/s.exec(remedy) || [];
  const told = el("p", { class: "engine-obstacle" }, el("strong", {}, reason), ` ${command ? `${before}Run:` : remedy}`);
  if (!command) return [told];
  const copy = () => navigator.clipboard?.writeText(command).then(() => studio.toast("The command is copied."));
  return [told, el("div", { class: "remedy" }, el("code", {}, command), studio.iconButton("copy", `Copy: ${command}`, copy))];
}

function card(engine) {
  const id = `engine-${engine.id}`;
  const radio = el("input", { type: "radio", name: "engine", id, value: engine.id, "aria-describedby": `${id}-about` });
  radio.disabled = Boolean(engine.obstacle);
  radio.checked = engine.id === desk.state.engine;
  radio.addEventListener("change", () => desk.set({ engine: engine.id }));
  const about = el("div", { class: "engine-about", id: `${id}-about` }, el("p", {}, engine.summary), el("p", { class: "engine-facts" }, facts(engine)));
  if (engine.obstacle) about.append(...obstacle(engine.obstacle));
  return el("div", { class: "engine", "data-off": String(radio.disabled) }, radio, el("label", { for: id }, engine.title), about);
}

function show() {
  for (const radio of list.querySelectorAll("input")) radio.checked = radio.value === desk.state.engine;
}

studio.on("opened", () => list.replaceChildren(...desk.specs.map(card)));
studio.on("desk", (keys) => keys.includes("engine") && show());
