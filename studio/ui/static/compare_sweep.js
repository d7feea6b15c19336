// One entry in several: a seed or a setting of its engine runs through the values that somebody names.
function swept(entry, wanted, text) {
  const values = text.split(/[\s,;]+/).filter(Boolean).map(Number);
  const { title, minimum, maximum } = wanted;
  const wrong = !values.length || values.some((value) => !(value >= minimum && value <= maximum));
  if (wrong || (wanted.name === "seed" && !values.every(Number.isInteger)))
    throw { message: `${title} is to run through numbers from ${minimum} to ${maximum}.`, remedy: "Write them with commas between." };
  const room = MOST_ENTRIES - entries.length + 1;
  const different = [...new Set(values)];
  if (different.length > room)
    throw { message: `That would be more than ${MOST_ENTRIES} entries.`, remedy: `There is room for ${plural(room, "value")}.` };
  return different.map((value) => withValue(entry, wanted, value));
}

function withValue(entry, { name, default: usual }, value) {
  if (name === "seed") return { ...entry, seed: value };
  const { [name]: _, ...rest } = entry.sampling;
  return { ...entry, voices: { ...entry.voices }, sampling: value === usual ? rest : { ...rest, [name]: value } };
}

function sweepRow(entry) {
  const seed = { name: "seed", title: "Seed", minimum: 0, maximum: studio.desk.MAX_SEED };
  const offered = [seed, ...(studio.desk.spec(entry.engine)?.parameters || [])];
  const what = el("select", { "aria-label": "One entry for each" }, ...offered.map(({ name, title }) => el("option", { value: name }, title)));
  const values = el("input", { type: "text", class: "compare-values", "aria-label": "Values" });
  const example = () => (values.placeholder = what.value === "seed" ? "such as 1, 2, 3" : "such as 0.7, 1.0");
  what.addEventListener("change", example);
  example();
  const sweep = () =>
    attempt(() => {
      const wanted = offered.find(({ name }) => name === what.value);
      entries.splice(entries.indexOf(entry), 1, ...swept(entry, wanted, values.value));
      showEntries();
    });
  values.addEventListener("keydown", (event) => event.key === "Enter" && sweep());
  return el(
    "div",
    { class: "compare-field compare-sweep" },
    el("span", {}, "One entry for each"),
    what,
    values,
    el("button", { type: "button", class: "small", onclick: sweep }, "Make them"),
  );
}
