// The engines as a list to choose from. One that cannot run here is grey and says why and what would help.
const { el } = studio;
const desk = studio.desk;
const list = element.querySelector(".engine-list");
let offers = [];
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

function choice(engine, about) {
  const id = `engine-${engine.id}`;
  const radio = el("input", { type: "radio", name: "engine", id, value: engine.id, "aria-describedby": about.id });
  radio.disabled = Boolean(engine.obstacle);
  radio.checked = engine.id === desk.state.engine;
  radio.addEventListener("change", () => desk.set({ engine: engine.id }));
  return [radio, el("label", { for: id }, engine.title)];
}

function card(engine) {
  const told = [el("p", {}, engine.summary), el("p", { class: "engine-facts" }, facts(engine))];
  const about = el("div", { class: "engine-about", id: `engine-${engine.id}-about` }, ...told);
  return el("div", { class: "engine" }, ...choice(engine, about), about);
}

// An engine that lacks nothing but its files, which can be fetched from here.
function offerCard(engine) {
  const follow = offer(engine.id);
  follow.node.id = `engine-${engine.id}-about`;
  offers.push(follow);
  const name = el("div", { class: "engine-name" }, ...choice(engine, follow.node));
  const summary = el("p", { class: "engine-about" }, engine.summary);
  return el("div", { class: "engine-off offer-card" }, name, summary, follow.node);
}

// Engines with one and the same obstacle stand side by side over it: what helps one helps all of them.
function offCard(engines) {
  const { reason, remedy } = engines[0].obstacle;
  const [, before, command, after] = /^(.*?)\bRun: (.+?)(?=\.?$|, |\. )(.*)$/s.exec(remedy) || [];
  const told = command ? [` ${before}Run: `, ...commandLine(command), after.replace(/^\.$/, "")] : [` ${remedy}`];
  const id = `engine-${engines[0].id}-about`;
  const about = el("p", { class: "engine-about", id }, el("strong", {}, reason), ...told);
  const names = engines.map((engine) =>
    el("div", { class: "engine-name", title: engine.summary }, ...choice(engine, about)),
  );
  return el("div", { class: "engine-off" }, ...names, about);
}

function show() {
  for (const radio of list.querySelectorAll("input")) radio.checked = radio.value === desk.state.engine;
}

// Those that cannot run stand together below, folded away so that the cast is in sight; their names are not.
const UNFOLDED = "dialogue-studio-engines-unfolded";
function others(engines) {
  if (!engines.length) return [];
  const isOffered = ({ id }) => stock.row(id)?.offered;
  const rest = engines.filter((engine) => !isOffered(engine));
  const groups = [...Map.groupBy(rest, ({ obstacle }) => JSON.stringify(obstacle)).values()];
  const names = engines.map(({ title }) => title).join(", ");
  const summary = el("summary", {}, el("span", {}, "More to set up ", el("small", {}, names)));
  const cards = [...engines.filter(isOffered).map(offerCard), ...groups.map(offCard)];
  const shelf = el("details", { class: "engines-off" }, summary, ...cards);
  shelf.open = Boolean(studio.memory.read(UNFOLDED));
  shelf.addEventListener("toggle", () => studio.memory.write(UNFOLDED, shelf.open));
  return [shelf];
}

// Whoever was at an engine's button is at its choice once that can be made.
function build() {
  const at = list.contains(document.activeElement) && document.activeElement.closest(".engine, .engine-off");
  const was = at && at.querySelector("input").id;
  offers = [];
  const ready = desk.specs.filter((engine) => !engine.obstacle);
  const off = desk.specs.filter((engine) => engine.obstacle);
  list.replaceChildren(...ready.map(card), ...others(off));
  const now = was && document.getElementById(was);
  if (now) (now.disabled ? now.closest(".engine-off").querySelector("button") : now)?.focus();
}

studio.on("opened", build);
studio.on("engines", build);
studio.on("stock", () => offers.forEach(({ show }) => show()));
studio.on("desk", (keys) => keys.includes("engine") && show());
