// Who speaks: a colour, a name and a voice each. Without a choice the studio gives every speaker another voice.
const { el, iconButton, plural } = studio;
const desk = studio.desk;
const list = element.querySelector(".cast-list");
let given = {}; // speaker -> voice the studio would give, from the review

const turnsOf = (name) => desk.state.rows.filter((turn) => turn.speaker === name).length;
const changed = (name, part) =>
  desk.set({ cast: desk.state.cast.map((one) => (one.name === name ? { ...one, ...part } : one)) });

// A name as a script can hold it, or "" for what cannot become one.
function clean(text) {
  const name = text
    .normalize("NFC")
    .replace(/[^\p{L}\p{M}\p{N} .'’\-_#&]/gu, " ")
    .replace(/\s+/g, " ")
    .replace(/^[^\p{L}\p{N}]+/u, "")
    .trim()
    .slice(0, 40)
    .trim();
  const numbered = /^s(\d{1,3})$/i.exec(name);
  if (numbered) return `S${Number(numbered[1])}`;
  return /\p{L}/u.test(name) && name.toLowerCase() !== "cast" ? name : "";
}

// A speaker is known by name everywhere, so a new name is written into all turns at once.
function rename(old, field) {
  const name = clean(field.value);
  field.value = old;
  if (!name)
    return studio.toast("That cannot be a name.", {
      kind: "problem",
      remedy: "Use letters, digits and spaces, with a letter among them.",
    });
  if (name === old) return;
  if (desk.member(name))
    return studio.toast(`There is already a speaker called ${name}.`, {
      kind: "problem",
      remedy: "Choose another name.",
    });
  studio.emit("mark");
  desk.set({
    cast: desk.state.cast.map((one) => (one.name === old ? { ...one, name } : one)),
    rows: desk.state.rows.map((turn) => (turn.speaker === old ? { ...turn, speaker: name } : turn)),
  });
}

function colourMenu(one) {
  const swatch = el("button", {
    type: "button",
    class: "swatch",
    "data-colour": one.colour,
    "aria-label": `Colour of ${one.name}`,
    title: "Change the colour",
  });
  const choices = [...Array(desk.COLOURS).keys()].map((colour) =>
    el("button", {
      type: "button",
      class: "swatch",
      "data-colour": colour,
      "aria-label": `Colour ${colour + 1}`,
      "aria-pressed": String(colour === one.colour),
      onclick: () => changed(one.name, { colour }),
    }),
  );
  const shelf = el(
    "div",
    { class: "swatches", role: "group", "aria-label": `Colours for ${one.name}`, hidden: true },
    ...choices,
  );
  const toggle = (open) => {
    shelf.hidden = !open;
    swatch.setAttribute("aria-expanded", String(open));
    if (open) choices[one.colour].focus();
  };
  swatch.setAttribute("aria-expanded", "false");
  swatch.addEventListener("click", () => toggle(shelf.hidden));
  shelf.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 4, ArrowUp: -4 }[event.key];
    if (event.key === "Escape") [toggle(false), swatch.focus()];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    choices[(choices.indexOf(document.activeElement) + by + choices.length) % choices.length].focus();
  });
  shelf.addEventListener(
    "focusout",
    (event) => !shelf.contains(event.relatedTarget) && event.relatedTarget !== swatch && toggle(false),
  );
  return el("div", { class: "colour" }, swatch, shelf);
}

const isRecorded = (voice) => voice.startsWith("v-");
const nameOf = (voice) => (studio.library.find(voice) || studio.library.missing(voice))?.name || voice;
const whyNot = (voice) => (studio.library.missing(voice) ? "not there" : `not with ${desk.spec()?.title}`);
const group = (label, options) => (options.length ? [el("optgroup", { label }, ...options)] : []);

// The voices of the library, for an engine that follows recordings.
function recorded() {
  const option = ({ id, name, about }) => el("option", { value: id }, `${name}: ${about}`);
  const of = (kind) => studio.library.voices.filter((voice) => voice.kind === kind).map(option);
  return [...group("Your voices", of("own")), ...group("Sample voices", of("sample"))];
}

// A recorded voice that cannot speak now is said, never replaced in silence.
function voiceNote(one) {
  if (!isRecorded(one.voice)) return null;
  const missing = studio.library.missing(one.voice);
  if (missing) {
    const restore = async () => {
      await studio.library.change("restore_voice", { id: one.voice });
    };
    const mend = missing.can_restore
      ? el("button", { type: "button", class: "small", onclick: restore }, "Restore it")
      : " Choose another voice.";
    return el("p", { class: "cast-note problem", role: "status" }, missing.message, " ", mend);
  }
  if (desk.spec()?.clones || !studio.library.find(one.voice)) return null;
  const told = `${desk.spec()?.title} follows no recordings: until you choose an engine that does, another voice speaks.`;
  return el("p", { class: "cast-note" }, told);
}

function voiceMenu(one) {
  const voices = desk.spec()?.voices || [];
  const automatic = given[one.name];
  const select = el(
    "select",
    { class: "voice", "aria-label": `Voice of ${one.name}` },
    el("option", { value: "" }, automatic ? `${automatic.name} (chosen for you)` : "Chosen for you"),
  );
  const presets = voices.map((voice) =>
    el("option", { value: voice.id }, voice.description ? `${voice.name}: ${voice.description}` : voice.name),
  );
  select.append(...(desk.spec()?.clones ? [...group(`${desk.spec().title}’s own`, presets), ...recorded()] : presets));
  if (isRecorded(one.voice) && !(desk.spec()?.clones && studio.library.find(one.voice)))
    select.append(el("option", { value: one.voice }, `${nameOf(one.voice)}: ${whyNot(one.voice)}`));
  if (one.voice && !voices.some((voice) => voice.id === one.voice) && one.voice.includes("@"))
    select.append(el("option", { value: one.voice }, one.voice));
  select.value = one.voice;
  if (select.selectedIndex < 0) select.value = "";
  select.addEventListener("change", () => changed(one.name, { voice: select.value }));
  return select;
}

function member(one) {
  const count = turnsOf(one.name);
  const name = el("input", {
    type: "text",
    class: "name",
    value: one.name,
    maxlength: 40,
    "aria-label": `Name of ${one.name}`,
    spellcheck: "false",
    autocomplete: "off",
  });
  name.addEventListener("change", () => rename(one.name, name));
  name.addEventListener("keydown", (event) => event.key === "Enter" && !event.ctrlKey && !event.metaKey && name.blur());
  const remove = iconButton("close", `Remove ${one.name}`, () => [
    studio.emit("mark"),
    desk.set({ cast: desk.state.cast.filter((other) => other !== one) }),
  ]);
  remove.disabled = count > 0 || desk.state.cast.length < 2;
  if (count) remove.title = `${one.name} has ${plural(count, "turn")}; give them to somebody else first`;
  return el(
    "li",
    { class: "member", "data-colour": one.colour },
    colourMenu(one),
    name,
    remove,
    voiceMenu(one),
    voiceNote(one) || "",
  );
}

// Rebuilding is cheap, but not under the hands of somebody who is in it: what had the focus gets it back.
function show() {
  const active = list.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  list.replaceChildren(...desk.state.cast.map(member));
  if (active)
    [...list.querySelectorAll("[aria-label]")].find((node) => node.getAttribute("aria-label") === active)?.focus();
}

element.querySelector(".add-speaker").addEventListener("click", () => {
  const name = desk.freeName();
  desk.set({ cast: desk.castFor([name]) });
  [...list.querySelectorAll(".name")].at(-1)?.select();
});
const counts = () => JSON.stringify(desk.state.cast.map((one) => Boolean(turnsOf(one.name))));
let shownCounts = "";
studio.on("desk", (keys) => {
  const now = counts();
  if (keys.includes("cast") || keys.includes("engine") || (keys.includes("rows") && now !== shownCounts)) show();
  shownCounts = now;
});
studio.on("library", show);
studio.on("review", (answer) => {
  const cast = answer?.cast || {};
  if (JSON.stringify(cast) === JSON.stringify(given)) return;
  given = cast;
  show();
});
studio.drawIcons(element);
