// What the votes say: places with intervals, who beats whom, how steady each listener was; in words where it is open.
const WAYS = [
  ["system", "engines with their voices and settings"],
  ["engine", "engines"],
  ["entry", "single entries, each seed for itself"],
];
let scored = { id: "", by: "system", listener: "", tag: "" };

async function openScores(id) {
  leaveSide();
  setView("scores");
  scored = { id, by: "system", listener: "", tag: "" };
  const { ranking, total } = await studio.ask("scores", scored);
  if (!ranking && total) scored.by = "entry"; // one engine with several seeds: those are what differs
  await showScores();
}

const percent = (share) => `${Math.round(share * 100)} %`;

function choice(label, options, chosen, change) {
  const nodes = options.map(([value, title]) => el("option", { value, selected: value === chosen }, title));
  return el(
    "label",
    { class: "compare-field" },
    label,
    el("select", { onchange: ({ target }) => attempt(() => change(target.value)) }, ...nodes),
  );
}

function filters(names) {
  const set = (name) => (value) => {
    scored[name] = value;
    return showScores();
  };
  return el(
    "div",
    { class: "compare-row" },
    choice("Ranked are", WAYS, scored.by, set("by")),
    choice("Listener", [["", "all"], ...names.map((name) => [name, name])], scored.listener, set("listener")),
    choice("For their", [["", "whole"], ...REASONS.map(([tag]) => [tag, tag])], scored.tag, set("tag")),
  );
}

function placeRow(place, at) {
  const [low, middle, high] = place.scores;
  const bar = el("div", { class: "score-bar", "aria-hidden": "true" }, el("span", {}), el("b", {}));
  bar.firstChild.style.left = percent(low).replace(" ", "");
  bar.firstChild.style.width = percent(high - low).replace(" ", "");
  bar.lastChild.style.left = percent(middle).replace(" ", "");
  return el(
    "tr",
    {},
    el("td", {}, `${at + 1}`),
    el("th", { scope: "row" }, place.label),
    el("td", { class: "score-cell" }, bar, `${percent(middle)}, ${percent(low)} to ${percent(high)}`),
    el("td", {}, `${place.wins}–${place.ties}–${place.losses}`),
  );
}

function table(caption, heads, rows) {
  return el(
    "div",
    { class: "score-table", tabindex: 0, role: "region", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, ...rows),
    ),
  );
}

function matrix({ places, better, met }) {
  const rows = places.map((place, one) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, `${one + 1} ${place.label}`),
      ...places.map((_, two) =>
        el("td", {}, one === two ? "" : `${percent(better[one][two])}, ${met[one][two][0]} won`),
      ),
    ),
  );
  const caption = "How sure it is that the row is better than the column, and how often it was preferred to it";
  return table(caption, ["", ...places.map((_, at) => `${at + 1}`)], rows);
}

function listenersTable(listeners) {
  const of = ([right, all]) => (all ? `${right} of ${all}` : "–");
  const rows = listeners.map((one) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, one.listener),
      ...[`${one.votes}`, of(one.repeats), of(one.gold), of(one.first)].map((cell) => el("td", {}, cell)),
    ),
  );
  return table("Listeners", ["", "answers", "repeats alike", "spoilt ones noticed", "preferred A"], rows);
}

async function showScores() {
  const { ranking, why, listeners, names, total } = await studio.ask("scores", scored);
  if (view() !== "scores") return;
  const said = ranking
    ? [
        el("p", { class: "score-verdict" }, ranking.verdict),
        el("p", { class: "help" }, [ranking.power, `${plural(ranking.votes, "answer")} counted.`].filter(Boolean).join(" ")),
        table(
          "Score: the share of answers it would win against an average one, with its 95 % interval",
          ["", "", "score", "won–tied–lost"],
          ranking.places.map(placeRow),
        ),
        matrix(ranking),
      ]
    : [el("p", { class: "help" }, why)];
  const save = (form) => () =>
    attempt(async () => {
      const { name, text } = await studio.ask("export_votes", { id: scored.id, form });
      studio.download(new Blob([text], { type: form === "csv" ? "text/csv" : "application/json" }), name);
    });
  part(".compare-scores-view").replaceChildren(
    el("h3", {}, "What the votes say"),
    filters(names),
    ...said,
    ...(listeners.length ? [listenersTable(listeners)] : []),
    el(
      "div",
      { class: "compare-row" },
      el("button", { type: "button", class: "small", disabled: !total, onclick: save("json") }, "Save votes as JSON"),
      el("button", { type: "button", class: "small", disabled: !total, onclick: save("csv") }, "Save votes as CSV"),
      importButton(),
    ),
  );
}

function importButton() {
  const file = el("input", { type: "file", hidden: true, accept: ".json,.csv", class: "score-file" });
  file.addEventListener("change", () =>
    attempt(async () => {
      const merged = await studio.ask("import_votes", { text: await file.files[0].text() });
      file.value = "";
      await showScores();
      const rest = merged.differing ? ` ${merged.differing} have another answer here, which stays.` : "";
      studio.toast(`${plural(merged.added, "vote")} added, ${merged.known} were here already.${rest}`);
    }),
  );
  const button = el("button", { type: "button", class: "small", onclick: () => file.click() }, "Add votes from a file");
  return el("span", {}, button, file);
}
