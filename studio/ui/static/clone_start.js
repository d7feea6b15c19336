// Brings the form to life: what is brought or recorded becomes recordings of one voice, which is saved as a whole.
const root = element.querySelector(".clone");
const part = (name) => root.querySelector(name);
const { el, iconButton, plural } = studio;
let voice = { id: "", revision: 0, name: "" };
let recordings = [];
let open = null;
let saved = ""; // the form as it was when it was last saved, to know whether anything would be lost
let setup = null;
const IN_BIN = "It lies in the bin: restore it there.";
let [form, editor, trial] = [null, null, null];

// ---- recordings
function sent(recording) {
  const { source, steps, text, changed } = recording;
  return { source, steps, text: text || "", changed: Boolean(changed) };
}
const whole = () => ({ ...form.values(), recordings: recordings.map(sent) });
const isDirty = () => recordings.length > 0 && JSON.stringify(whole()) !== saved;

function showList() {
  root.dataset.recordings = recordings.length;
  for (const name of [".clone-open", ".about", ".try"]) part(name).hidden = !recordings.length;
  part("#clone-title").textContent = voice.id ? voice.name : "A new voice";
  part(".clone-save").textContent = voice.id ? "Save the changes" : "Save the voice";
  part(".clone-new").hidden = !recordings.length;
  const many = recordings.length > 0;
  part(".bring-record span").textContent = many ? "Record another" : "Record";
  part(".bring-choose span").textContent = many ? "Another file" : "Choose a file";
  const list = part(".recordings");
  list.hidden = recordings.length < 2;
  list.replaceChildren(...recordings.map(entry));
}

function entry(recording, at) {
  const label = `Recording ${at + 1}: ${recording.name}`;
  const choose = el(
    "button",
    { type: "button", class: "recording-tab", "aria-pressed": String(recording === open), title: label },
    `Recording ${at + 1}`,
    el("small", {}, `${(recording.weighed?.seconds ?? recording.seconds).toFixed(1)} s`),
  );
  choose.addEventListener("click", () => openRecording(recording));
  return el(
    "li",
    {},
    choose,
    iconButton("close", `Take ${label} away`, () => drop(recording)),
  );
}

function openRecording(recording) {
  open = recording;
  showList();
  return editor.open(recording);
}

function drop(recording) {
  const at = recordings.indexOf(recording);
  recordings = recordings.filter((one) => one !== recording);
  const back = () => {
    recordings.splice(at, 0, recording);
    openRecording(recording);
  };
  studio.toast("The recording is taken away.", { action: { label: "Undo", act: back } });
  openRecording(recordings[Math.min(at, recordings.length - 1)]);
}

// Opens a sound and adds it. kept: what the library knows of it.
async function add(source, kept = null) {
  const brought = await studio.ask("bring", { source });
  const steps = kept
    ? kept.steps || { cut: null, silence: false, loudness: false, rate: false }
    : { cut: null, silence: true, loudness: true, rate: true };
  const words = kept ? { text: kept.text, touched: true } : { text: null, touched: false };
  const recording = { source, ...brought, steps, ...words, past: [JSON.stringify(steps)], future: [], changed: false };
  recordings.push(recording);
  return recording;
}

// ---- the voice
function clear() {
  editor.stop();
  [voice, recordings, open] = [{ id: "", revision: 0, name: "" }, [], null];
  form.fill({});
  trial.clear();
  settle("");
}

function settle(told) {
  saved = recordings.length ? JSON.stringify(whole()) : "";
  part(".clone-saved").textContent = told;
  part(".stale").hidden = true;
  form.refuse(null);
  tellProblem(null);
  showList();
}

// What was being made is put aside, not lost.
function putAside() {
  if (!isDirty()) return;
  const aside = { voice, recordings, values: form.values(), saved };
  const act = () => {
    ({ voice, recordings, saved } = aside);
    form.fill(aside.values);
    openRecording(recordings[0]);
  };
  studio.toast(`${aside.values.name || "The voice you were making"} is put aside, not saved.`, {
    action: { label: "Bring it back", act },
  });
}

async function load(id) {
  try {
    const { voice: found } = await studio.ask("voice", { id });
    clear();
    voice = {
      id: found.id,
      revision: found.revision,
      name: found.name,
      settings: found.settings,
      isSample: found.is_sample,
    };
    trial.show();
    form.fill(found);
    for (const kept of found.recordings) await add({ voice: id, sound: kept.sound }, kept);
    settle("");
    const opening = openRecording(recordings[0]);
    root.scrollIntoView({ block: "start" });
    await opening;
  } catch (problem) {
    tellProblem(problem);
  }
}

async function save(as = voice) {
  const button = part(".clone-save");
  button.disabled = true;
  part(".clone-saved").textContent = "Saving …";
  form.refuse(null);
  try {
    const { voice: kept } = await studio.ask("save_voice", { ...whole(), id: as.id, revision: as.revision });
    taken(kept);
    studio.emit("library changed");
    studio.library.refresh();
  } catch (problem) {
    part(".clone-saved").textContent = "";
    if (problem.code === "voice_changed" && as.id) stale(problem);
    else if (problem.field === "text" && recordings[problem.at]) {
      await Promise.race([openRecording(recordings[problem.at]), new Promise((go) => setTimeout(go, 50))]);
      form.refuse(problem);
    } else form.refuse(problem);
  }
  button.disabled = false;
}

// The recordings are the library's from now on, in the order in which it keeps them.
function taken(kept) {
  const isNew = !voice.id;
  voice = { id: kept.id, revision: kept.revision, name: kept.name, settings: kept.settings };
  const still = recordings.filter((one) => one.source.voice && !one.changed);
  const order = isNew ? recordings : [...still, ...recordings.filter((one) => !still.includes(one))];
  recordings = order;
  order.forEach((one, at) => {
    const { sound, text } = kept.recordings[at];
    Object.assign(one, { source: { voice: kept.id, sound }, changed: false, text, touched: true });
  });
  const told = kept.deleted ? IN_BIN : "It can speak wherever an engine clones.";
  settle(`Saved. ${told}`);
}

function stale({ message }) {
  part(".stale").hidden = false;
  part(".stale p").textContent = `${message} Nothing you typed is lost: it stands here as it was.`;
  part(".stale").scrollIntoView({ block: "center" });
  part(".stale-copy").focus();
}

async function saveAsNew() {
  // recordings of the other voice go along as copies of what they are
  for (const one of recordings) one.changed = true;
  await save({ id: "", revision: 0 });
}

function current() {
  const { consent, name } = form.values();
  return { recording: sent(open), consent, name };
}

// Settings are the voice's own from now on, beside whatever else is being changed here.
function suit(changed) {
  Object.assign(voice, { revision: changed.revision, settings: changed.settings });
  studio.library.refresh();
}

async function begin() {
  studio.drawIcons(element);
  try {
    setup = await studio.ask("recording_setup");
  } catch (problem) {
    return tellProblem(problem);
  }
  const limit = studio.stock.amount(setup.most_bytes);
  part(".clone-save").hidden = !setup.may_keep;
  part(".clone-shared").hidden = setup.may_keep;
  part(".bring-or").textContent =
    `or drop one here: up to ${limit} and ${setup.most_seconds / 60} minutes, any usual kind`;
  form = makeCloneForm(root, setup);
  editor = makeCloneRecording(root, { setup });
  trial = makeCloneTry(root, { current, refused: form.refuse, voice: () => voice, suit });
  part(".bring-record").addEventListener("click", record);
  part(".bring-choose").addEventListener("click", () => part(".bring-file").click());
  part(".bring-file").addEventListener("change", ({ target }) => {
    bring([...target.files]);
    target.value = "";
  });
  studio.acceptFiles(root, bring);
  part(".clone-new").addEventListener("click", () => {
    putAside();
    clear();
    part(".bring-record").focus();
  });
  part(".clone-save").addEventListener("click", () => save());
  part(".stale-load").addEventListener("click", () => {
    putAside();
    load(voice.id);
  });
  part(".stale-copy").addEventListener("click", saveAsNew);
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault(); // here it is not the script that is spoken
    event.stopPropagation();
    if (recordings.length && !part(".try-begin").disabled) part(".try-begin").click();
  });
  studio.on("clone problem", tellProblem);
  studio.on(
    "clone changed",
    () => part(".clone-saved").textContent && isDirty() && (part(".clone-saved").textContent = ""),
  );
  // A star or a new name given in the list, or a way to the bin and back, is no change made elsewhere.
  studio.on("library changed", (changed) => {
    if (changed?.id !== voice.id || changed?.revision !== voice.revision + 1) return;
    form.rename(voice.name, changed.name);
    Object.assign(voice, { revision: changed.revision, name: changed.name });
    const line = part(".clone-saved");
    if (changed.deleted) line.textContent = IN_BIN;
    else if (line.textContent === IN_BIN) line.textContent = "";
    showList();
  });
  studio.on("edit voice", (id) => {
    putAside();
    load(id);
  });
  window.addEventListener("beforeunload", (event) => isDirty() && event.preventDefault());
  showList();
  root.dataset.ready = "true";
}
begin();
