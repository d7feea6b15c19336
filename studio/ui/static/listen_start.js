// Who comes by the link: a nickname, then the test. The browser keeps the secret by which the studio knows them again.
const WORDS = {
  pair: "You hear two takes of the same script, without a name, equally loud. Say which is better. Stop whenever you like: every answer is kept at once, and the same link brings you back. Now and then a pair comes again, or one is spoilt on purpose, to learn how steadily you hear.",
  abx: "You hear A, B and X. X is one of the two: say which. Guess when you do not know: that is what the test is about. Sixteen trials make a run.",
  rating:
    "You hear several takes of a script on one page, without a name. Give each a score from 0, bad, to 100, excellent. Scores are kept page by page, and the same link brings you back.",
};
const HIDDEN_WORDS =
  " The reference is heard openly, and is also hidden among the others: find it, and give it 100.";

const secrets = () => studio.memory.read(KEYS) || {};

async function begin(welcome, name) {
  const joined = await studio.ask("join", { name, key: secrets()[name] || "" });
  me = joined;
  studio.memory.write(KEYS, { ...secrets(), [joined.name]: joined.key });
  studio.memory.write("dialogue-studio-listener", joined.name);
  test = { test: welcome.test, listener: joined.name, tells: welcome.tells };
  setView(welcome.test === "rating" ? "rate" : "blind");
  try {
    await (welcome.test === "rating" ? askRating() : ask());
  } catch (problem) {
    setView("start");
    throw problem;
  }
}

function showStart(welcome) {
  setView("start");
  const known = studio.memory.read("dialogue-studio-listener") || "";
  const name = el("input", { type: "text", class: "blind-name", maxlength: 40, value: known, autocomplete: "off" });
  const start = el("button", { type: "submit", class: "small main" }, "Begin");
  const form = el(
    "form",
    { class: "blind-start" },
    el("p", { class: "compare-label" }, `“${welcome.name}”${welcome.scripts > 1 ? ` and ${welcome.scripts - 1} more` : ""}`),
    el("p", { class: "help" }, WORDS[welcome.test] + (welcome.reference ? HIDDEN_WORDS : "")),
    el("label", { class: "compare-field" }, "Your name or a nickname", name),
    start,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    pair.wake().resume(); // here, where somebody has just pressed: later a telephone would not let it sound
    start.disabled = true;
    await attempt(() => begin(welcome, name.value.trim()));
    start.disabled = false;
  });
  part(".listen-start-view").replaceChildren(form);
  name.focus();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (studio.isTyping(event.target) && event.target.type !== "range") return;
  const onControl = event.target.closest?.("button, a");
  if (onControl && (key === " " || key === "Enter")) return;
  const act = { blind: blindKey, rate: rateKey }[view()]?.(key);
  if (!act || (event.repeat && view() === "blind")) return;
  event.preventDefault();
  act();
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const showColours = () => document.body.classList.toggle("dark", dark.matches);
dark.addEventListener("change", showColours);
showColours();
document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", () => document.hidden && pair.pause());
studio.compare = { pair, get heard() { return heard; } };
attempt(async () => showStart(await studio.ask("welcome"))).then(() => (root.dataset.ready = "true"));
