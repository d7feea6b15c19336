// What was found out about the recording: numbers with plain words, doubts, and how each engine takes it.
const GRADES = { good: "good", fine: "fine", poor: "poor", no: "not usable" };

function measureTile({ name, title, text, word, grade }) {
  return studio.el(
    "div",
    { class: "measure", "data-name": name, "data-grade": grade },
    studio.el("dt", {}, title),
    studio.el("dd", {}, studio.el("strong", {}, word), studio.el("span", {}, text)),
  );
}

function verdictLine({ engine, title, grade, seconds, advice }) {
  const told = grade === "good" ? `${seconds.toFixed(1)} s` : advice;
  return studio.el(
    "li",
    { class: "verdict", "data-engine": engine, "data-grade": grade },
    studio.el("strong", {}, title),
    studio.el("span", { class: "verdict-grade" }, GRADES[grade]),
    studio.el("span", { class: "verdict-why" }, told),
  );
}

function doubtLine({ text, spoils }) {
  return studio.el(
    "li",
    { "data-spoils": String(spoils) },
    studio.icon(spoils ? "alert" : "info"),
    studio.el("span", {}, text),
  );
}

function showWeighed(root, weighed) {
  const { measures, warnings, verdicts } = weighed || { measures: [], warnings: [], verdicts: [] };
  root.querySelector(".measures").replaceChildren(...measures.map(measureTile));
  root.querySelector(".doubts").replaceChildren(...warnings.map(doubtLine));
  root.querySelector(".verdicts").replaceChildren(...verdicts.map(verdictLine));
}
