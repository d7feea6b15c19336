// The Benchmark tab: what to measure, how far it is, what was measured before. Draws with bench_draw.js.
const part = (name) => element.querySelector(name);
const OWN = "own"; // the choice of scripts that are no suite of ours
const STATES = { new: "not begun", waiting: "waits", running: "runs", paused: "paused", stopped: "stopped", finished: "" };
let open = null; // what can be measured
let shown = null; // the benchmark that is drawn
let seen = -1; // changes of the running one when it was drawn last
let watching = false;
let current = null; // how the running one stands
let voices = {}; // speaker -> voice
let page = null; // of the rows; the last one, whichever that is, when null
let listed = 0; // how many earlier benchmarks were asked for; 0 as many as usual

function problem(error) {
  const line = part(".bench-error");
  line.hidden = !error;
  line.textContent = error ? `${error.message} ${error.remedy || ""}` : "";
}

async function attempt(name, asked) {
  problem(null);
  try {
    return await studio.ask(name, asked);
  } catch (error) {
    problem(error);
    return null;
  }
}

function order() {
  const suite = part("#bench-suite").value;
  return {
    engines: [...element.querySelectorAll(".bench-engines input:checked")].map((box) => box.value),
    suite: suite === OWN ? part("#bench-folder").value.trim() : suite,
    repeats: Number(part("#bench-repeats").value),
    seeds: part("#bench-seeds").value.split(/[\s,]+/).filter(Boolean).map(Number),
    judge: part("#bench-judge").checked,
    voices,
  };
}

const time = (seconds) => (seconds < 100 ? plural(seconds, "second") : plural(Math.round(seconds / 60), "minute"));

const estimate = studio.later(250, async () => {
  const line = part(".bench-estimate");
  const asked = order();
  if (!asked.engines.length || !asked.suite) return void (line.textContent = "Choose an engine and scripts.");
  if (asked.seeds.some(Number.isNaN)) return void (line.textContent = "Seeds are whole numbers, such as 0, 1.");
  try {
    const told = await studio.ask("bench_estimate", asked);
    const lines = [`${plural(told.rows, "row")}, about ${time(told.seconds)}.`, ...told.basis.map((one) => `Speed of ${one}.`)];
    line.textContent = [...lines, told.load, ...told.broken].filter(Boolean).join(" ");
    cast(told.speakers);
  } catch ({ message, remedy }) {
    line.textContent = `${message} ${remedy || ""}`;
  }
});

// A voice for each speaker of the scripts that are chosen.
function cast(speakers) {
  const box = part(".bench-cast");
  if (box.dataset.speakers === speakers.join("\n")) return;
  box.dataset.speakers = speakers.join("\n");
  voices = Object.fromEntries(Object.entries(voices).filter(([who]) => speakers.includes(who)));
  const nodes = speakers.flatMap((who, at) => {
    const groups = open.voices.map(({ title, voices: all }) =>
      el(
        "optgroup",
        { label: title },
        ...all.map(({ id, name }) => el("option", { value: id, selected: id === voices[who] }, name)),
      ),
    );
    const choice = el("select", { id: `bench-voice-${at}` }, el("option", { value: "" }, "Chosen for you"), ...groups);
    choice.addEventListener("change", () => (voices = { ...voices, [who]: choice.value }));
    return [el("label", { for: `bench-voice-${at}` }, who), choice];
  });
  box.replaceChildren(...nodes);
}

function engineBox(engine, at) {
  const id = `bench-engine-${engine.id}`;
  const box = el("input", { type: "checkbox", id, value: engine.id, disabled: Boolean(engine.obstacle) });
  box.checked = !engine.obstacle && at === 0;
  return el("label", { for: id, class: engine.obstacle ? "bench-off" : "", title: engine.obstacle }, box, engine.title);
}

function offer() {
  const boxes = open.engines.map(engineBox);
  part(".bench-engines").append(...boxes);
  const suites = open.suites.map((one) => el("option", { value: one.id }, `${one.title} (${one.count})`));
  part("#bench-suite").append(...suites, el("option", { value: OWN }, "My own …"));
  part("#bench-suite").value = "quick";
  part(".bench-form").hidden = !open.may_change;
  part(".bench-form").addEventListener("input", () => {
    for (const node of element.querySelectorAll(".bench-own")) node.hidden = part("#bench-suite").value !== OWN;
    estimate();
  });
  part(".bench-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    page = null;
    draw(await attempt("bench_begin", order()), true);
  });
  part(".bench-pause").addEventListener("click", () => attempt("bench_pause", {}));
  part(".bench-stop").addEventListener("click", () => attempt("bench_stop", { id: shown.id }));
  if (open.may_change) estimate();
}

function past(history) {
  const items = history.map((one) => {
    const rows = `${one.done + one.failed} of ${plural(one.cells, "row")}${one.failed ? `, ${one.failed} failed` : ""}`;
    const state = current?.running && current.bench === one.id ? "runs" : STATES[one.state];
    const about = [one.plan.engines.join(", "), rows, state].filter(Boolean).join(" · ");
    const look = el(
      "button",
      { type: "button", class: "bench-look", onclick: () => show(one.id), "aria-current": one.id === shown?.id ? "true" : false },
      el("strong", {}, one.title),
      el("span", {}, `${studio.when(one.created)} · ${about}`),
    );
    return el("li", {}, look);
  });
  part(".bench-history").replaceChildren(...(items.length ? items : [el("li", { class: "help" }, "Nothing yet.")]));
}

// The list as it was last told, and whether there are older ones; it stays as long as somebody made it.
async function list(told) {
  if (listed) told = (await attempt("bench_history", { limit: listed })) || told;
  past(told.history);
  part(".bench-older").hidden = !told.older;
}

part(".bench-older").addEventListener("click", () => {
  listed = part(".bench-history").children.length + 100;
  list({ history: [], older: false });
});

function hear(row, label) {
  const audio = part(".bench-audio");
  audio.hidden = false;
  audio.setAttribute("aria-label", label);
  audio.src = row.url;
  audio.play().catch(() => problem({ message: "The sound could not be played.", remedy: "Is it still on the disk?" }));
}

async function save(kind) {
  const told = await attempt("bench_file", { id: shown.id, kind });
  if (!told) return;
  const file = await fetch(told.url);
  if (file.ok) studio.download(await file.blob(), told.name);
  else problem({ message: "The file did not arrive.", remedy: "Try again." });
}

function tools() {
  const button = (text, act, more = {}) => el("button", { type: "button", class: "small", onclick: act, ...more }, text);
  const files = [[".html", "Report"], [".csv", "CSV"], [".json", "JSON"], [".md", "Markdown"]];
  const all = open.may_change ? files.map(([kind, text]) => button(text, () => save(kind))) : [];
  const canGoOn = ["new", "paused"].includes(shown.state) && open.may_change && !shown.progress.running;
  if (canGoOn) all.push(button("Go on", async () => draw(await attempt("bench_resume", { id: shown.id }), true)));
  if (open.may_change && !(shown.progress.running && shown.progress.bench === shown.id))
    all.push(button("Delete", remove, { class: "small danger" }));
  return el("div", { class: "bench-tools" }, ...all);
}

async function remove(event) {
  const button = event.currentTarget;
  if (button.textContent === "Delete") return void (button.textContent = "Really delete?");
  const told = await attempt("bench_delete", { id: shown.id });
  if (!told) return;
  shown = null;
  part(".bench-shown").hidden = true;
  list(told);
}

function comparison() {
  const others = shown.history.filter((one) => one.id !== shown.id && one.done);
  const choice = el("select", { id: "bench-with" }, el("option", { value: "" }, "nothing"));
  for (const one of others)
    choice.append(el("option", { value: one.id }, `${studio.when(one.created)} ${one.title}`));
  const told = el("div", { class: "bench-told", role: "status" });
  choice.addEventListener("change", async () => {
    const found = choice.value && (await attempt("bench_compare", { id: shown.id, with: choice.value, threshold: 0.1 }));
    told.replaceChildren(found ? differences(found) : "");
  });
  return el("div", { class: "bench-compare" }, el("label", { for: "bench-with" }, "Compare with "), choice, told);
}

const fold = (title, ...inside) => el("details", { class: "bench-fold" }, el("summary", {}, title), ...inside);

function draw(told, isNew = false) {
  if (!told) return;
  const opened = new Set([...part(".bench-shown").querySelectorAll(".bench-fold[open] summary")].map((node) => node.textContent));
  const compared = !isNew && shown?.id === told.id ? part("#bench-with")?.value : "";
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.cell : undefined;
  shown = told;
  seen = told.progress.changes;
  const about = `${plural(told.cells, "row")}: ${told.done} done, ${told.failed} failed. ${told.machine}.`;
  const box = part(".bench-shown");
  box.hidden = false;
  box.replaceChildren(
    el("h2", {}, `${told.title}, ${told.plan.engines.join(" and ")}`),
    el("p", { class: "help" }, about),
    ...told.warnings.map((text) => el("p", { class: "bench-warning" }, text)),
    tools(),
    el("div", { class: "bench-plots" }, ...told.plots.map(plot)),
    told.plots.length ? el("p", { class: "help" }, "Filled: measured here. Dashed: published by others, on other machines.") : "",
    ...(told.rows.length ? [figures(told), el("h3", {}, "Rows"), rowTable(told, hear, turnTo)] : []),
    comparison(),
    fold("What the figures mean", meanings(told)),
    fold("Published by others", published(told)),
  );
  for (const node of box.querySelectorAll(".bench-fold")) node.open = opened.has(node.querySelector("summary").textContent);
  if (compared) [part("#bench-with").value, part("#bench-with").dispatchEvent(new Event("change"))];
  if (focused !== undefined) box.querySelector(`[data-cell="${focused}"]`)?.focus();
  live(told.progress);
  list(told);
  watch();
}

function show(id) {
  page = null;
  return attempt("bench", { id }).then((told) => draw(told, true));
}

// Another page of the rows; the last one grows while it is measured.
async function turnTo(number) {
  page = number >= shown.pages - 1 ? null : number;
  draw(await attempt("bench", { id: shown.id, page }));
  part(".bench-pages")?.scrollIntoView({ block: "nearest" });
}

function live(progress) {
  current = progress;
  const isRunning = progress.running;
  part(".bench-live").hidden = !isRunning;
  part(".bench-begin").disabled = isRunning;
  part(".bench-doing").textContent = progress.doing;
  if (shown?.id === progress.bench) part(".bench-bar").value = (shown.done + shown.failed) / Math.max(1, shown.cells);
  if (progress.error) problem(progress.error);
}

// Asks how far it is as long as one runs and this tab is there; draws anew at most every other second.
async function watch() {
  if (watching) return;
  watching = true;
  let progress = shown?.progress;
  while (progress?.running && element.isConnected) {
    await new Promise((done) => setTimeout(done, 800));
    progress = await studio.ask("bench_progress", {}).catch(() => progress);
    live(progress);
    if (progress.changes !== seen && shown?.id === progress.bench) {
      watching = true;
      const told = await studio.ask("bench", { id: shown.id, page }).catch(() => null);
      if (told) draw(told);
    }
  }
  watching = false;
}

const advise = studio.later(200, async () => {
  const boxes = [...element.querySelectorAll(".bench-needs input:checked")];
  const needs = [`gpu=${Number(part("#bench-gpu").value) || 0}`, ...boxes.map((box) => box.value)];
  const told = await attempt("bench_guide", { needs });
  if (told) part(".bench-answers").replaceChildren(...told.answers.map(advice));
});
part(".bench-needs").addEventListener("input", advise);
part(".bench-needs").addEventListener("submit", (event) => event.preventDefault());
part(".bench-guide").addEventListener("toggle", advise);

async function begin() {
  open = await attempt("bench_open", {});
  if (!open) return;
  offer();
  list(open);
  const progress = await attempt("bench_progress", {});
  const first = progress?.running ? progress.bench : open.history[0]?.id;
  if (first) await show(first);
  part(".bench").dataset.ready = "true";
}
begin();
