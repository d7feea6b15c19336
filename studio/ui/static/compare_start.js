// The views of the tab, the list of what was compared, the keys, and the beginning of it all.
const root = part(".compare");
const view = () => root.dataset.view;

function setView(name) {
  root.dataset.view = name;
  for (const one of ["list", "side", "blind", "rate", "scores"]) part(`.compare-${one}-view`).hidden = one !== name;
  part(".compare-back").hidden = name === "list";
  part(".compare-problem").hidden = true;
}

// Does something that may fail, and says why when it does.
async function attempt(act) {
  part(".compare-problem").hidden = true;
  try {
    await act();
  } catch (problem) {
    if (!problem.message) throw problem;
    const box = part(".compare-problem");
    box.textContent = `${problem.message} ${problem.remedy || ""}`;
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
  }
}

// What this browser compared: on a shared studio it may see no other.
studio.compared = (() => {
  const KEY = "dialogue-studio-comparisons";
  const own = new Set(studio.memory.read(KEY) || []);
  const keep = () => studio.memory.write(KEY, [...own].slice(-100));
  return { own, remember: (id) => (own.add(id), keep()) };
})();

// Nothing that names an entry stays in the page while somebody listens blind.
function leaveSide() {
  clearTimeout(polling);
  player.unload();
  [shown, looping] = [null, null];
  [buffers, spectra] = [new Map(), new Map()];
  part(".compare-side-view").replaceChildren();
  part(".compare-scores-view").replaceChildren();
  part(".compare-entries").replaceChildren();
  part(".compare-past").replaceChildren();
}

async function openList() {
  leaveSide();
  leaveBlind();
  setView("list");
  showEntries();
  const { comparisons } = await studio.ask("comparisons", { own: [...studio.compared.own] });
  if (view() !== "list") return;
  part(".compare-past").replaceChildren(...comparisons.map(card));
  part(".compare-none").hidden = comparisons.length > 0;
}

const scriptChoice = ({ scripts }) =>
  el(
    "select",
    { "aria-label": "Which script to hear side by side" },
    ...scripts.map(({ id, name }, at) => el("option", { value: id }, `${at + 1} ${name}`)),
  );

function card(one) {
  const button = (label, act, more = {}) =>
    el("button", { type: "button", class: "small", onclick: () => attempt(act), "aria-label": `${label}: ${one.name}`, ...more }, label);
  const facts = [
    studio.when(one.created),
    ...(one.scripts.length > 1 ? [plural(one.scripts.length, "script")] : []),
    one.running ? "being spoken" : `${one.ready} of ${plural(one.entries, "entry", "entries")} to hear`,
    plural(one.votes, "vote"),
  ];
  const node = el("li", { class: "compare-card", "data-id": one.id });
  const drop = async () => {
    await studio.ask("drop_comparison", { id: one.id });
    await openList();
  };
  const askToDrop = () => {
    const keep = button("Keep", openList);
    node.append(el("div", { class: "compare-row" }, "Delete it and its sounds? Votes stay.", button("Delete", drop), keep));
    keep.focus();
  };
  node.append(
    el("p", { class: "compare-label" }, one.name),
    el("p", { class: "help" }, facts.join(" · ")),
    el(
      "div",
      { class: "compare-row" },
      ...(one.scripts.length > 1 ? [scriptChoice(one)] : []),
      button("Side by side", () => openSide(node.querySelector("select")?.value ?? one.id)),
      button("Blind test", () => openBlind(one.id), { disabled: !one.hearable, title: one.hearable ? "" : "Needs two that are spoken" }),
      button("Scores", () => openScores(one.id), { disabled: !one.votes }),
      iconButton("trash", `Delete: ${one.name}`, askToDrop),
    ),
  );
  return node;
}

// --- keys: ours while this tab is seen, and nobody types or stands on a control that wants them

function sideKey(key) {
  if (/^[1-8]$/.test(key)) return () => hear(Number(key) - 1);
  return {
    " ": () => player.toggle(),
    ArrowLeft: () => player.seek(player.position - 2),
    ArrowRight: () => player.seek(player.position + 2),
    l: toggleLoop,
  }[key];
}

function onKey(event) {
  if (!root.isConnected) return document.removeEventListener("keydown", onKey, true);
  if (!root.offsetParent || event.ctrlKey || event.metaKey || event.altKey) return;
  if (studio.isTyping(event.target) && !(view() === "rate" && event.target.type === "range")) return;
  if (document.querySelector("dialog[open]") || event.target.closest?.("[role=tablist], [role=menu], .dock")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const onControl = event.target.closest?.("button, summary, a, [type=range]");
  if (onControl && (key === " " || key === "Enter")) return;
  const act = { side: sideKey, blind: blindKey, rate: rateKey }[view()]?.(key);
  if (!act || (event.repeat && view() === "blind")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  act();
}

document.addEventListener("keydown", onKey, true);
studio.on("hush", (who) => {
  if (who === "compare") return;
  player.pause();
  pair.pause();
});
studio.on("desk", () => view() === "list" && showEntries());
studio.on("engines", () => view() === "list" && showEntries());
part(".compare-back").addEventListener("click", () => attempt(openList));
part(".compare-write").addEventListener("click", openDialogue);
part(".compare-add").addEventListener("click", () => {
  addEntry(entries.at(-1));
  showEntries();
});
part(".compare-seeds").addEventListener("click", anotherOfEach);
part(".compare-keep").addEventListener("click", keepInSet);
part(".compare-go").addEventListener("click", () => attempt(begin));
new MutationObserver(() => root.offsetParent || [player, pair].forEach((one) => one.pause())).observe(
  document.querySelector("[role=tablist]"),
  { subtree: true, attributes: true, attributeFilter: ["aria-selected"] },
);
studio.compare = { player, pair, get heard() { return heard; } };
firstEntries();
studio.drawIcons(element);
attempt(openList).then(() => (root.dataset.ready = "true"));
