// The library: found by words, tag and star; what was deleted; voices that come and go as a zip.
const part = (name) => element.querySelector(name);
const [search, tag, stars, list] = [".voices-search", ".voices-tag", ".voices-stars", ".voices-list"].map(part);
let number = 0;
let emptying = false;

async function show() {
  const now = ++number;
  const asked = { text: search.value, tag: tag.value, favourites: stars.ariaPressed === "true" };
  let told;
  try {
    told = await studio.ask("voices", asked);
  } catch (problem) {
    return tell(`${problem.message} ${problem.remedy}`);
  }
  if (now !== number) return;
  const label = element.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
  list.replaceChildren(...told.voices.map((voice) => card(voice, told.may_change)));
  if (label) list.querySelector(`[aria-label="${CSS.escape(label)}"]`)?.focus();
  const isSearch = asked.text || asked.tag || asked.favourites;
  const none = part(".voices-none");
  const own = told.voices.filter((voice) => !voice.is_sample).length;
  const rest = told.more ? `And ${told.more} more: search for them.` : "";
  const empty = told.may_change
    ? "No voice of yours yet. Bring one, or try the samples: they are synthetic."
    : "These samples come with the studio. A shared studio keeps no voices of visitors.";
  none.textContent = !told.voices.length ? "Nothing is found." : isSearch || own ? rest : empty;
  none.hidden = !none.textContent;
  fillTags(told.tags, asked.tag);
  part(".voices-travel").hidden = !told.may_change;
  showBin(told.bin);
}

function fillTags(tags, chosen) {
  const options = [el("option", { value: "" }, "All tags"), ...tags.map((one) => el("option", { value: one }, one))];
  tag.replaceChildren(...options);
  tag.value = tags.includes(chosen) ? chosen : "";
  tag.hidden = !tags.length;
}

function showBin(binned) {
  const bin = part(".voices-bin");
  bin.hidden = !binned.length;
  bin.querySelector("summary span").textContent = `Bin (${binned.length})`;
  const rows = binned.map(({ id, name, deleted, about }) =>
    el(
      "li",
      { class: "model" },
      el(
        "div",
        { class: "model-about" },
        el("p", {}, name),
        el("p", { class: "model-facts" }, `${about} · deleted on ${deleted}`),
      ),
      el(
        "button",
        {
          type: "button",
          class: "small",
          "aria-label": `Restore ${name}`,
          onclick: () => studio.library.change("restore_voice", { id }),
        },
        "Restore",
      ),
    ),
  );
  bin.querySelector("ul").replaceChildren(...rows);
  emptying = false;
  part(".voices-empty").textContent = "Empty the bin";
}

const tell = (words) => (part(".voices-told").textContent = words);

function report({ added, restored, same, renumbered }) {
  const said = [
    [added, "came"],
    [restored, "came out of the bin"],
    [same, "were here already"],
    [renumbered, "came under a new id, because another voice has theirs"],
  ].filter(([names]) => names.length);
  const line = ([names, what]) =>
    `${names.join(", ")} ${names.length === 1 ? what.replace("were", "was").replace("theirs", "its own") : what}`;
  return said.length ? `${said.map(line).join("; ")}.` : "There was no voice in it.";
}

async function bring(file) {
  tell(`Bringing ${file.name} …`);
  try {
    const { most_bytes: most } = await studio.ask("recording_setup");
    const source = await studio.send(file, { most });
    tell(report(await studio.ask("import_voices", { source })));
    studio.emit("library changed");
    studio.library.refresh();
  } catch ({ message, remedy }) {
    tell(`${message} ${remedy || ""}`);
  }
}

const soon = studio.later(200, show);
search.addEventListener("input", soon);
tag.addEventListener("change", show);
stars.addEventListener("click", () => {
  stars.ariaPressed = String(stars.ariaPressed !== "true");
  show();
});
part(".voices-import").addEventListener("click", () => part(".voices-file").click());
part(".voices-file").addEventListener("change", ({ target }) => {
  if (target.files.length) bring(target.files[0]);
  target.value = "";
});
part(".voices-export").addEventListener("click", () => take(null));
part(".voices-empty").addEventListener("click", async ({ currentTarget }) => {
  if (!emptying) {
    emptying = true;
    currentTarget.textContent = "Really remove them for good";
    return;
  }
  const answer = await studio.library.change("empty_bin", { sure: true });
  if (answer) tell(`${studio.plural(answer.removed, "voice")} removed for good.`);
});
studio.acceptFiles(part(".voices"), ([file]) => bring(file));
studio.on("library changed", show);
studio.drawIcons(element);
show();
