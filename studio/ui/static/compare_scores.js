// What the votes say: places with intervals, who beats whom, how steady each listener was; in words where it is open.
const WAYS = [
  ["system", "engines with their voices and settings"],
  ["engine", "engines"],
  ["entry", "single entries, each seed for itself"],
];
let scored = { id: "", by: "system", listener: "", tag: "", script: "" };

async function openScores(id) {
  leaveSide();
  setView("scores");
  scored = { id, by: "system", listener: "", tag: "", script: "" };
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

function filters(names, scripts) {
  const set = (name) => (value) => {
    scored[name] = value;
    return showScores();
  };
  return el(
    "div",
    { class: "compare-row" },
    choice("Ranked are", WAYS, scored.by, set("by")),
    scripts.length > 1 ? choice("Script", [["", "all"], ...scripts], scored.script, set("script")) : null,
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

// --- by script, by listener, by reason

const PARTS = { script: "By script", listener: "By listener", tag: "By reason" };

function partTable(name, found, { places }) {
  const rows = found.map((one) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, one.name),
      el("td", {}, `${one.votes}`),
      ...places.map(({ id }) => el("td", {}, id in one.scores ? percent(one.scores[id]) : "–")),
      el("td", {}, one.verdict),
    ),
  );
  return table(PARTS[name], ["", "answers", ...places.map((place) => place.label), ""], rows);
}

function partTables({ ranking, parts }) {
  const told = Object.entries(parts || {}).filter(([name, found]) => found.length > (name === "tag" ? 0 : 1));
  return told.map(([name, found]) => partTable(name, found, ranking));
}

// --- whether a difference is heard, and scores from 0 to 100

function abxTable(found) {
  if (!found.length) return [];
  const rows = found.map((one) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, one.labels.join(" / ")),
      el("td", {}, one.listener || "all"),
      el("td", {}, one.trials ? `${one.right} of ${one.trials}` : "–"),
      el("td", {}, one.p == null ? "–" : one.p < 0.001 ? one.p.toExponential(0) : one.p.toFixed(3)),
      el("td", {}, one.verdict + (one.open ? ` ${plural(one.open, "trial")} of a run that is not complete.` : "")),
    ),
  );
  return [
    el("h3", {}, "Is a difference heard? (ABX)"),
    table("Right answers in whole runs; p is how likely guessing is right so often", ["", "listener", "right", "p", ""], rows),
  ];
}

const METHODS = {
  mushra: "Scores from 0 to 100 with a hidden reference (MUSHRA, ITU-R BS.1534-3)",
  plain: "Scores from 0 to 100 without a reference (no MUSHRA test)",
};

function gradingTables(found) {
  return found.flatMap((one) => {
    const title = METHODS[one.method];
    if (one.why) return [el("h3", {}, title), el("p", { class: "help" }, one.why)];
    const rows = one.grades.map((grade) =>
      el(
        "tr",
        {},
        el("th", { scope: "row" }, grade.label),
        el("td", {}, `${grade.mean.toFixed(1)} (${grade.word})`),
        el("td", {}, grade.low == null ? "–" : `${grade.low.toFixed(1)} to ${grade.high.toFixed(1)}`),
        el("td", {}, grade.median.toFixed(1)),
        el("td", {}, grade.quartiles.map((value) => value.toFixed(1)).join(" to ")),
        el("td", {}, `${grade.scores}`),
      ),
    );
    const out = one.screened.filter((listener) => listener.is_out);
    const left = out.map(
      ({ listener, reference, middle, sheets }) =>
        `${listener} is left out, as the standard has it: hidden reference below 90 on ${reference} of ${plural(sheets, "sheet")}, middle anchor above 90 on ${middle}.`,
    );
    return [
      el("h3", {}, title),
      el("p", { class: "score-verdict" }, one.verdict),
      ...left.map((words) => el("p", { class: "help" }, words)),
      table(
        `Mean with its 95 % interval over ${one.over}, median and quartiles of all scores`,
        ["", "mean", "interval", "median", "quartiles", "scores"],
        rows,
      ),
    ];
  });
}

async function showScores() {
  const found = await studio.ask("scores", scored);
  const { ranking, why, listeners, names, scripts, abx, gradings, answers } = found;
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
        ...partTables(found),
      ]
    : abx.length || gradings.length
      ? []
      : [el("p", { class: "help" }, why)];
  const save = (form, what) => () =>
    attempt(async () => {
      const { name, text } = await studio.ask("export_votes", { id: scored.id, form, what });
      studio.download(new Blob([text], { type: form === "csv" ? "text/csv" : "application/json" }), name);
    });
  part(".compare-scores-view").replaceChildren(
    el("h3", {}, "What the votes say"),
    filters(names, scripts),
    ...said,
    ...abxTable(abx),
    ...gradingTables(gradings),
    ...(listeners.length ? [listenersTable(listeners)] : []),
    el(
      "div",
      { class: "compare-row" },
      el("button", { type: "button", class: "small", disabled: !answers, onclick: save("json") }, "Save all as JSON"),
      el("button", { type: "button", class: "small", disabled: !answers, onclick: save("csv") }, "Save votes as CSV"),
      gradings.length
        ? el("button", { type: "button", class: "small", onclick: save("csv", "ratings") }, "Save scores as CSV")
        : null,
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
