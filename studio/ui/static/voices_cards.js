// One voice in the list: heard, starred, put to a speaker, opened, renamed, copied, taken away or deleted.
const { el, iconButton } = studio;
let player = null; // the preview that sounds

function hearVoice(voice, button) {
  const isOn = player?.id === voice.id && !player.audio.paused;
  player?.audio.pause();
  player?.show(false);
  if (isOn) return;
  studio.sounds("library");
  const audio = new Audio(voice.url);
  const show = (playing) => button.replaceChildren(studio.icon(playing ? "pause" : "play"));
  player = { id: voice.id, audio, show };
  audio.onended = audio.onpause = () => show(false);
  audio.onerror = () =>
    studio.toast(`${voice.name} cannot be played.`, { kind: "problem", remedy: "Its file may be gone." });
  show(true);
  audio.play().catch(() => show(false));
}
studio.on("hush", (who) => who !== "library" && player?.audio.pause());

// Puts a voice to a speaker of the dialogue.
function useFor(voice, name) {
  const { desk } = studio;
  const who = name || desk.freeName();
  const cast = desk.castFor([who]);
  desk.set({ cast: cast.map((one) => (one.name === who ? { ...one, voice: voice.id } : one)) });
  const clones = desk.spec()?.clones;
  studio.toast(`${who} speaks with ${voice.name} in the dialogue.`, {
    remedy: clones ? "" : `${desk.spec()?.title || "The engine"} does not clone: choose one that does there.`,
    action: { label: "Go there", act: () => document.querySelector('[role="tab"]')?.click() },
  });
}

function actionsOf(voice, mayChange, node) {
  const { desk } = studio;
  const use = desk.state.cast.map(({ name }) => ({
    label: `Use for ${name}`,
    hint: "in the dialogue",
    act: () => useFor(voice, name),
  }));
  const change = (name, more = {}) => studio.library.change(name, { id: voice.id, ...more });
  const own = mayChange && !voice.is_sample;
  return [
    ...use,
    { label: "Use for a new speaker", act: () => useFor(voice, "") },
    ...(own
      ? [{ label: "Open", hint: "recordings, words, consent", act: () => studio.emit("edit voice", voice.id) }]
      : []),
    ...(own ? [{ label: "Rename", act: () => rename(voice, node) }] : []),
    ...(mayChange ? [{ label: "Duplicate", act: () => change("duplicate_voice") }] : []),
    ...(mayChange ? [{ label: "Export", hint: "as .zip", act: () => take([voice.id]) }] : []),
    ...(own ? [{ label: "Delete", hint: "to the bin", act: () => remove(voice) }] : []),
  ];
}

async function remove(voice) {
  const answer = await studio.library.change("delete_voice", { id: voice.id });
  const act = () => studio.library.change("restore_voice", { id: voice.id });
  if (answer) studio.toast(`${voice.name} is in the bin.`, { action: { label: "Restore", act } });
}

async function take(ids) {
  try {
    const { url, name } = await studio.ask("export_voices", { ids });
    const file = await fetch(url);
    if (!file.ok) throw { message: "The file did not arrive.", remedy: "Try again." };
    studio.download(await file.blob(), name);
  } catch ({ message, remedy }) {
    studio.toast(message, { kind: "problem", remedy });
  }
}

function rename(voice, node) {
  const field = el("input", {
    type: "text",
    value: voice.name,
    maxlength: 80,
    "aria-label": `New name of ${voice.name}`,
  });
  const title = node.querySelector(".card-name");
  let isOver = false;
  const end = async (keep) => {
    if (isOver) return;
    isOver = true;
    const name = field.value.trim();
    field.replaceWith(title);
    if (keep && name && name !== voice.name) await studio.library.change("rename_voice", { id: voice.id, name });
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") end(true);
    if (event.key === "Escape") end(false);
  });
  field.addEventListener("blur", () => end(true));
  title.replaceWith(field);
  field.select();
}

function card(voice, mayChange) {
  const node = el("li", { class: "card", "data-voice": voice.id });
  const play = iconButton("play", `Hear ${voice.name}`, () => hearVoice(voice, play), { class: "tool card-play" });
  const star = iconButton(
    "star",
    voice.favourite ? `${voice.name} is a favourite` : `Make ${voice.name} a favourite`,
    () => studio.library.change("favourite_voice", { id: voice.id, favourite: !voice.favourite }),
    { class: "tool card-star", "aria-pressed": String(voice.favourite) },
  );
  const more = iconButton("more", `More for ${voice.name}`, () => {}, { class: "tool card-more" });
  const facts = [voice.is_sample ? "Sample" : voice.right, voice.about, voice.language === "en" ? "" : voice.language];
  const about = el(
    "div",
    { class: "card-about" },
    el("p", { class: "card-name" }, voice.name),
    el("p", { class: "card-opening" }, `“${voice.opening}”`),
    el("p", { class: "card-facts" }, facts.filter(Boolean).join(" · ")),
  );
  if (voice.tags.length) about.append(el("p", { class: "card-tags" }, ...voice.tags.map((tag) => el("span", {}, tag))));
  node.append(play, about, ...(mayChange && !voice.is_sample ? [star] : []), el("div", { class: "card-menu" }, more));
  studio.menu(more, () => actionsOf(voice, mayChange, node));
  return node;
}
