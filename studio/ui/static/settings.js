// The seed, the precision of the weights where there is a choice, and under "Advanced" whatever the chosen engine lets
// one set, with its own range and words.
const { el, iconButton } = studio;
const desk = studio.desk;
const seed = element.querySelector(".seed");
const advanced = element.querySelector(".advanced");
const shelf = element.querySelector(".parameters");
const precision = element.querySelector(".precision");

let suited = {}; // of the chosen engine: parameter -> { value, voice }, kept with a voice that is cast

const values = () => desk.state.sampling[desk.state.engine] || {};
const digits = (step) => Math.max(0, Math.ceil(-Math.log10(step)));

function setValue(name, value) {
  const now = { ...values(), [name]: value };
  if (value === undefined) delete now[name];
  desk.set({ sampling: { ...desk.state.sampling, [desk.state.engine]: now } });
}

function parameter(one) {
  const id = `parameter-${one.name}`;
  const range = { min: one.minimum, max: one.maximum, step: one.step };
  const slider = el("input", { type: "range", ...range, id, "aria-describedby": `${id}-help` });
  const number = el("input", { type: "number", ...range, "aria-label": `${one.title}, exact`, inputmode: "decimal" });
  const usual = suited[one.name]?.value ?? one.default;
  const reset = iconButton("undo", `Reset ${one.title} to ${usual}`, () => [setValue(one.name, undefined), show()]);
  const show = () => {
    const value = values()[one.name] ?? usual;
    slider.value = value;
    if (document.activeElement !== number) number.value = Number(value).toFixed(digits(one.step));
    reset.disabled = values()[one.name] === undefined || value === usual;
  };
  const take = (text) => {
    const value = Number.parseFloat(text);
    if (Number.isFinite(value)) setValue(one.name, Math.min(one.maximum, Math.max(one.minimum, value)));
    show();
  };
  slider.addEventListener("input", () => take(slider.value));
  number.addEventListener("change", () => {
    number.blur();
    take(number.value);
  });
  show();
  return el(
    "div",
    { class: "parameter" },
    el("label", { for: id }, one.title),
    number,
    reset,
    slider,
    el("p", { class: "help", id: `${id}-help` }, one.help),
    suited[one.name] ? el("p", { class: "help suited" }, suitedHelp(one)) : "",
  );
}

// Why it is not the engine's own value.
function suitedHelp({ name, default: usual }) {
  const { value, voice } = suited[name];
  return values()[name] === undefined
    ? `${value} suits ${voice}, with which it is kept; ${usual} is usual.`
    : `${value} is kept with ${voice}; what you set here counts.`;
}

function showEngine() {
  const engine = desk.spec();
  const parameters = engine?.parameters || [];
  advanced.hidden = !parameters.length;
  shelf.replaceChildren(...parameters.map(parameter));
  element.querySelector(".seed-help").textContent = engine?.stochastic
    ? "The same seed gives the same sound. Roll the dice for another reading."
    : "The same seed gives the same sound. This engine sounds nearly alike with every seed.";
}

// What lighter weights save, in the engine's own figures.
function precisionHelp(offered, chosen) {
  const exact = offered.find(({ name }) => name === "exact");
  const light = offered.find(({ name }) => name === "int8");
  const faster = exact.cpu_rtf / light.cpu_rtf;
  const saved = `${light.memory_gb} GB of memory instead of ${exact.memory_gb} GB, and about ${faster.toFixed(1)} times as fast`;
  return chosen === "exact"
    ? `As published. int8 takes ${saved}, a little less exactly.`
    : `Weights in 8 bits: ${saved}, a little less exactly. Changing it loads the engine anew.`;
}

function showPrecision() {
  const offered = desk.spec()?.precisions || [];
  precision.hidden = offered.length < 2;
  if (precision.hidden) return;
  const menu = precision.querySelector("select");
  const names = offered.map(({ name }) => name).sort();
  menu.replaceChildren(...names.map((name) => el("option", { value: name }, name)));
  menu.value = desk.precision();
  precision.querySelector(".help").textContent = precisionHelp(offered, menu.value);
}

function showSeed() {
  if (document.activeElement !== seed) seed.value = desk.state.seed;
}

seed.addEventListener("change", () => {
  const value = Math.round(Number(seed.value));
  if (Number.isFinite(value)) desk.set({ seed: Math.min(desk.MAX_SEED, Math.max(0, value)) });
  seed.value = desk.state.seed;
});
element.querySelector(".dice").addEventListener("click", () => desk.set({ seed: desk.rollSeed() }));
precision.querySelector("select").addEventListener("change", ({ target }) => {
  desk.set({ precision: { ...desk.state.precision, [desk.state.engine]: target.value } });
});
studio.on("desk", (keys) => {
  if (keys.includes("engine") || keys.includes("precision")) showPrecision();
  if (keys.includes("engine")) suited = {};
  if (keys.includes("engine") || (keys.includes("sampling") && !element.contains(document.activeElement))) showEngine();
  if (keys.includes("seed")) showSeed();
});
studio.on("review", (answer) => {
  if (answer?.problem) return;
  const found = answer?.suited || {};
  if (JSON.stringify(found) === JSON.stringify(suited)) return;
  suited = found;
  if (Object.keys(found).length) advanced.open = true;
  if (!element.contains(document.activeElement)) showEngine();
});
studio.on("engines", showPrecision);
studio.on("opened", ({ watermark }) => {
  element.querySelector(".watermark-help").textContent = watermark;
  showEngine();
  showPrecision();
  showSeed();
});
studio.drawIcons(element);
