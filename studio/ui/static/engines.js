// The engines as a list to choose from. One that cannot run here is grey and says why and what would help.
const { el } = studio;
const desk = studio.desk;
const list = element.querySelector(".engine-list");
const gigabytes = (value) => (value < 1 ? `${Math.round(value * 1000)} MB` : `${value.toFixed(1)} GB`);

function facts(engine) {
  const memory = `${engine.memory_is_measured ? "" : "about "}${gigabytes(engine.memory_gb)} of memory`;
  return [engine.voices.length ? studio.plural(engine.voices.length, "voice") : null, engine.needs_gpu ? "needs a GPU" : null, memory, engine.licence].filter(Boolean).join(" · ");
}

function card(engine) {
  const id = `engine-${engine.id}`;
  const radio = el("input", { type: "radio", name: "engine", id, value: engine.id, "aria-describedby": `${id}-about` });
  radio.disabled = Boolean(engine.obstacle);
  radio.checked = engine.id === desk.state.engine;
  radio.addEventListener("change", () => desk.set({ engine: engine.id }));
  const about = el("div", { class: "engine-about", id: `${id}-about` }, el("p", {}, engine.summary), el("p", { class: "engine-facts" }, facts(engine)));
  if (engine.obstacle) about.append(el("p", { class: "engine-obstacle" }, el("strong", {}, engine.obstacle.reason), ` ${engine.obstacle.remedy}`));
  return el("div", { class: "engine", "data-off": String(radio.disabled) }, radio, el("label", { for: id }, engine.title), about);
}

function show() {
  for (const radio of list.querySelectorAll("input")) radio.checked = radio.value === desk.state.engine;
}

studio.on("opened", () => list.replaceChildren(...desk.specs.map(card)));
studio.on("desk", (keys) => keys.includes("engine") && show());
