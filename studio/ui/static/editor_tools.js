// What stands around the turns: samples, import, export, cues, undo, and how each turn fares while it is spoken.
const MAX_FILE_BYTES = 4_000_000;
const part = (selector) => element.querySelector(selector);
let lastCaret = null; // where a cue goes when its button was reached by keyboard

function cues() {
  const engine = desk.spec();
  const shelf = part(".cues");
  shelf.hidden = !engine?.cues.length;
  if (shelf.hidden) return;
  const keepCaret = (event) => event.preventDefault();
  const chips = engine.cues.map((cue) =>
    el("button", { type: "button", class: "cue-chip", onmousedown: keepCaret, onclick: () => insertCue(cue) }, cue),
  );
  part(".cue-list").replaceChildren(...chips);
}

function insertCue(cue) {
  const spot =
    caret() || (at(lastCaret?.id) >= 0 ? lastCaret : { id: rows().at(-1).id, at: rows().at(-1).text.length });
  focusTurn(spot.id, spot.at);
  const field = views.get(spot.id).words;
  const [before, after] = [field.value.slice(0, spot.at), field.value.slice(spot.at)];
  const text = (before && !/\s$/.test(before) ? " " : "") + cue + (/^\s|^$/.test(after) ? "" : " ");
  history.mark("structure");
  field.setRangeText(text, spot.at, spot.at, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
list.addEventListener("focusout", (event) => {
  const id = idOf(event.target);
  if (id && event.target.tagName === "TEXTAREA") lastCaret = { id, at: event.target.selectionStart };
});

// A whole new script may replace one that is not saved anywhere else: the way back is offered at once.
function replaceScript(found, what) {
  const had = desk.isWritten();
  layScript(found);
  tellLeftOut(found);
  window.scrollTo({ top: 0 });
  if (had) studio.toast(what, { action: { label: "Undo", act: history.undo } });
}

// A screenplay's headings or a subtitle's markup are not speech; what was not taken over is said, never hidden.
function tellLeftOut({ left_out: lines = [] }) {
  if (lines.length)
    studio.toast(`Not speech, so left out: ${lines.slice(0, 3).join("; ")}${lines.length > 3 ? ", …" : ""}`);
}

async function startFrom(sample) {
  try {
    replaceScript(await studio.ask("sample", { name: sample.name }), `“${sample.title}” is on the desk.`);
  } catch (error) {
    studio.emit("problem", error);
  }
}

async function importFile(file) {
  try {
    if (file.size > MAX_FILE_BYTES)
      throw { message: `${file.name} is too large for a script.`, remedy: "Use a text file of at most 4 MB." };
    const bytes = new Uint8Array(await file.arrayBuffer());
    let binary = "";
    for (let from = 0; from < bytes.length; from += 32768)
      binary += String.fromCharCode(...bytes.subarray(from, from + 32768));
    replaceScript(
      await studio.ask("import_script", { name: file.name, data: btoa(binary) }),
      `${file.name} is on the desk.`,
    );
  } catch (error) {
    studio.emit("problem", error);
  }
}

async function exportScript(form) {
  try {
    const { name, text } = await studio.ask("export_script", { ...desk.order(), form });
    studio.download(new Blob([text], { type: "text/plain;charset=utf-8" }), name);
  } catch (error) {
    studio.emit("problem", error);
  }
}

const listSamples = () =>
  samples.map((sample) => ({ label: sample.title, hint: sample.hint, act: () => startFrom(sample) }));
let samples = [];

function buildTools() {
  const chooser = el("input", {
    type: "file",
    accept: ".txt,.md,.srt,.vtt,.json",
    hidden: true,
    "aria-label": "Script file",
  });
  chooser.addEventListener("change", () => {
    if (chooser.files[0]) importFile(chooser.files[0]);
    chooser.value = "";
  });
  element.append(chooser);
  studio.menu(part(".samples"), listSamples);
  part(".import").addEventListener("click", () => chooser.click());
  studio.menu(part(".export"), () => [
    { label: "Text", hint: ".txt, for people", act: () => exportScript("txt"), disabled: !desk.isWritten() },
    { label: "JSON", hint: ".json, for programs", act: () => exportScript("json"), disabled: !desk.isWritten() },
  ]);
  part(".undo").addEventListener("click", history.undo);
  part(".redo").addEventListener("click", history.redo);
  part(".clear").addEventListener("click", () => {
    clearScript();
    studio.toast("The script is cleared.", { action: { label: "Undo", act: history.undo } });
  });
  part(".add-turn").addEventListener("click", addTurn);
  part(".lead button").addEventListener("click", () => change({ lead: 0 }));
}

function acceptDrops() {
  const sheet = part(".sheet");
  const hasFile = (event) => event.dataTransfer?.types.includes("Files");
  sheet.addEventListener("dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    sheet.dataset.dropping = "true";
  });
  for (const name of ["dragleave", "drop"]) sheet.addEventListener(name, () => delete sheet.dataset.dropping);
  sheet.addEventListener("drop", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    importFile(event.dataTransfer.files[0]);
  });
}

function offerSamples() {
  part(".empty-samples").replaceChildren(
    ...samples
      .slice(0, 6)
      .map((sample) =>
        el(
          "button",
          { type: "button", class: "sample", onclick: () => startFrom(sample) },
          el("span", {}, sample.title),
          el("small", {}, sample.hint),
        ),
      ),
  );
}

studio.on("history", ({ past, future }) => {
  part(".undo").disabled = !past.length;
  part(".redo").disabled = !future.length;
});
