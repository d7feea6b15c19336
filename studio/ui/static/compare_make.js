// A new comparison: the script on the desk, and how it is to be spoken: engine, seed, voices, settings, up to eight times.
const { el, iconButton, plural, clock } = studio;
const part = (name) => element.querySelector(name);
const MOST_ENTRIES = 8;
const MOST_SCRIPTS = 50;
const SET = "dialogue-studio-compare-set"; // in the browser's memory: further scripts that are heard in the same test
let entries = [];
let set = studio.memory.read(SET) || []; // [{ rows, lead }]

const usable = () => studio.desk.specs.filter((spec) => !spec.obstacle);

// As the desk has it for this engine: voices that it knows, its settings.
function entryFor(engine, seed) {
  const { state } = studio.desk;
  const spec = studio.desk.spec(engine);
  const known = new Set((spec?.voices || []).map((voice) => voice.id));
  const cast = state.cast.filter(({ voice }) => known.has(voice) || (spec?.clones && voice.startsWith("v-")));
  return {
    engine,
    seed,
    voices: Object.fromEntries(cast.map(({ name, voice }) => [name, voice])),
    sampling: { ...(state.sampling[engine] || {}) },
    precision: state.precision[engine] || "",
  };
}

const sameAs = (one) => JSON.stringify([one.engine, one.seed, one.voices, one.sampling, one.precision]);
const nextSeed = (like) => {
  let seed = like.seed;
  while (entries.some((one) => sameAs(one) === sameAs({ ...like, seed }))) seed++;
  return seed;
};

function addEntry(like) {
  if (entries.length >= MOST_ENTRIES) return;
  entries.push({ ...like, voices: { ...like.voices }, sampling: { ...like.sampling }, seed: nextSeed(like) });
}

function firstEntries() {
  const { engine, seed } = studio.desk.state;
  const others = usable().filter((spec) => spec.id !== engine);
  addEntry(entryFor(engine, seed));
  addEntry(entryFor(others.length ? others[0].id : engine, seed));
}

function anotherOfEach() {
  for (const one of [...new Map(entries.map((entry) => [sameAs({ ...entry, seed: 0 }), entry])).values()])
    addEntry({ ...one, seed: one.seed + 1 });
  showEntries();
}

function engineChoice(entry) {
  const options = studio.desk.specs.map((spec) =>
    el("option", { value: spec.id, disabled: Boolean(spec.obstacle), selected: spec.id === entry.engine }, spec.title),
  );
  return el(
    "select",
    {
      "aria-label": "Engine",
      onchange: ({ target }) => {
        Object.assign(entry, entryFor(target.value, entry.seed));
        showEntries();
      },
    },
    ...options,
  );
}

function numberField(label, value, attributes, change) {
  const field = el("input", { type: "number", value, ...attributes });
  field.addEventListener("change", () => {
    const number = Number(field.value);
    if (field.value !== "" && Number.isFinite(number)) change(number);
    else field.value = value;
  });
  return el("label", { class: "compare-field" }, label, field);
}

function voiceChoice(entry, speaker) {
  const spec = studio.desk.spec(entry.engine);
  const recorded = spec?.clones ? studio.library.voices : [];
  const choices = [{ id: "", name: "Chosen for you" }, ...(spec?.voices || []), ...recorded];
  const chosen = entry.voices[speaker] || "";
  const options = choices.map(({ id, name }) => el("option", { value: id, selected: id === chosen }, name));
  const onchange = ({ target }) => {
    delete entry.voices[speaker];
    if (target.value) entry.voices[speaker] = target.value;
  };
  return el("label", { class: "compare-field" }, speaker, el("select", { onchange }, ...options));
}

function precisionChoice(entry, offered) {
  const usual = offered[0].name;
  const options = offered.map(({ name }) => el("option", { value: name, selected: name === (entry.precision || usual) }, name));
  const onchange = ({ target }) => (entry.precision = target.value === usual ? "" : target.value);
  return el("label", { class: "compare-field" }, "Precision", el("select", { onchange }, ...options));
}

function detailsOf(entry) {
  const spec = studio.desk.spec(entry.engine);
  const speakers = [...new Set(studio.desk.state.rows.map((row) => row.speaker))];
  const parameters = (spec?.parameters || []).map(({ name, title, default: usual, minimum, maximum, step }) =>
    numberField(title, entry.sampling[name] ?? usual, { min: minimum, max: maximum, step }, (value) => {
      if (value === usual) delete entry.sampling[name];
      else entry.sampling[name] = value;
    }),
  );
  const fields = [...speakers.map((speaker) => voiceChoice(entry, speaker)), ...parameters];
  if (spec?.precisions?.length > 1) fields.push(precisionChoice(entry, spec.precisions));
  return el(
    "details",
    { class: "compare-more" },
    el("summary", {}, "Voices and settings"),
    el("div", { class: "compare-fields" }, ...fields, sweepRow(entry)),
  );
}

function entryRow(entry, at) {
  const label = `entry ${at + 1}`;
  const full = entries.length >= MOST_ENTRIES;
  const copy = () => {
    addEntry(entry);
    showEntries();
  };
  const drop = () => {
    entries.splice(at, 1);
    showEntries();
  };
  return el(
    "li",
    { class: "compare-entry" },
    el("span", { class: "compare-number", "aria-hidden": "true" }, `${at + 1}`),
    engineChoice(entry),
    numberField("Seed", entry.seed, { min: 0, max: studio.desk.MAX_SEED, step: 1 }, (seed) => (entry.seed = seed)),
    iconButton("copy", `Copy ${label}`, copy, { disabled: full }),
    iconButton("trash", `Take ${label} away`, drop, { disabled: entries.length < 2 }),
    detailsOf(entry),
  );
}

function showEntries() {
  part(".compare-entries").replaceChildren(...entries.map(entryRow));
  const full = entries.length >= MOST_ENTRIES;
  part(".compare-add").disabled = full;
  part(".compare-seeds").disabled = full;
  const { rows } = studio.desk.state;
  const written = rows.filter((row) => row.text.trim());
  part(".compare-of").textContent = written.length
    ? `Of the script on the Dialogue tab, ${plural(written.length, "turn")}: “${opening(rows)}”`
    : "There is no script yet. Write one on the Dialogue tab, then have several engines or seeds speak it here.";
  part(".compare-write").hidden = written.length > 0;
  part(".compare-go").disabled = !written.length;
  part(".compare-keep").disabled = !written.length;
  showSet();
}

// --- a set of scripts: the one on the desk and others that were kept before it

const opening = (rows) => rows.find((row) => row.text.trim())?.text.trim().slice(0, 70) ?? "";

function keepInSet() {
  if (set.length < MOST_SCRIPTS && !isInSet(deskScript())) changeSet([...set, deskScript()]);
}

function changeSet(next) {
  set = next;
  studio.memory.write(SET, set);
  showSet();
}

function deskScript() {
  const { rows, lead } = studio.desk.order();
  return { rows: rows.map(({ speaker, text, pause }) => ({ speaker, text, pause })), lead };
}

const isInSet = (script) => set.some((one) => JSON.stringify(one) === JSON.stringify(script));

function showSet() {
  const items = set.map((script, at) => {
    const drop = () => changeSet(set.filter((_, other) => other !== at));
    return el(
      "li",
      { class: "compare-one" },
      el("span", { class: "compare-script" }, `“${opening(script.rows)}”`),
      iconButton("trash", `Take script ${at + 1} out of the set`, drop),
    );
  });
  part(".compare-set").replaceChildren(...items);
  part(".compare-set-words").textContent = set.length
    ? `These and the one on the Dialogue tab: ${plural(set.length + !isInSet(deskScript()), "script")}. Each is spoken by every entry, and pairs are always of one script.`
    : "One script is heard. Keep several in a set to hear them as one test.";
}

async function begin() {
  const order = studio.desk.order();
  const { id, first } = await studio.ask("compare", { rows: order.rows, lead: order.lead, entries, more: set });
  studio.compared.remember(id);
  await (first === id ? openSide(id) : openList());
}
