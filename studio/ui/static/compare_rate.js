// All takes of a script at once, each with a slider from 0 to 100; after ITU-R BS.1534 where there is a reference.
let sheet = null; // as the studio asked it
let scores = []; // of each take; null until its slider was moved
let chosen = 0; // the take whose slider the keys move

async function askRating() {
  const place = view() === "rate" ? ".compare-rate-view" : ".compare-blind-view"; // where one waits
  const next = await soundsFor(place, studio.ask("rating_sheet", { ...test }));
  setView("rate");
  if (next.over) return showOver();
  [sheet, told, question] = [next, null, { least_seconds: next.least_seconds }];
  takeSounds(next);
  scores = next.sounds.slice(next.reference ? 1 : 0).map(() => null);
  delete next.sounds;
  chosen = 0;
  layOutRating();
  pair.play(0);
}

function showOver() {
  [sheet, question] = [null, null];
  pair.unload();
  part(".compare-rate-view").replaceChildren(
    el("p", { class: "score-verdict" }, "You have rated everything. Thank you!"),
    el("p", { class: "help" }, "Every score is kept."),
  );
}

const first = () => (sheet.reference ? 1 : 0); // the player's number of the first take
const letter = (at) => String.fromCharCode(65 + at);

function layOutRating() {
  const fifths = el("div", { class: "rate-scale", "aria-hidden": "true" }, ...sheet.labels.map((label) => el("span", {}, label)));
  const rows = scores.map((_, at) => {
    const slider = el("input", {
      type: "range",
      class: "rate-slider",
      min: 0,
      max: 100,
      step: 1,
      value: 50,
      "data-at": at,
      "aria-label": `Score of ${letter(at)}`,
    });
    const give = () => score(at, Number(slider.value));
    for (const event of ["input", "change", "pointerup"]) slider.addEventListener(event, give);
    slider.addEventListener("focus", () => choose(at));
    return el(
      "li",
      { class: "rate-row", "data-at": at },
      soundButton(letter(at), at + first()),
      el("div", { class: "rate-give" }, fifths.cloneNode(true), slider),
      el("output", { class: "rate-score" }, "–"),
    );
  });
  const reference = sheet.reference ? [el("div", { class: "rate-reference" }, soundButton("Reference", 0))] : [];
  const give = () => attempt(sendRating);
  part(".compare-rate-view").replaceChildren(
    el("p", { class: "help blind-count" }, `${sheet.of > 1 ? `Script ${sheet.done + 1} of ${sheet.of}, ` : ""}${test.listener}`),
    ...reference,
    el("ol", { class: "rate-rows", "aria-label": "Takes" }, ...rows),
    transport(),
    el("p", { class: "help blind-hint" }, ""),
    el("div", { class: "compare-row" }, el("button", { type: "button", class: "small main rate-send", onclick: give }, "Keep these scores (Enter)")),
    el("div", { class: "blind-told", role: "status" }),
    el(
      "p",
      { class: "help keys-help" },
      `Keys: 1 to ${Math.min(9, scores.length)} choose a take,${sheet.reference ? " 0 the reference," : ""} up and down give its score (with PageUp and PageDown by 10), space plays, comma and full stop move by 2 s.`,
    ),
  );
  showRating();
}

function choose(at) {
  chosen = at;
  if (pair.current !== at + first()) listen(at + first());
}

function score(at, value) {
  if (told) return;
  scores[at] = Math.min(100, Math.max(0, value));
  showRating();
}

function showRating() {
  if (view() !== "rate" || !sheet || !part(".rate-rows")) return;
  countHeard();
  for (const node of element.querySelectorAll(".compare-rate-view .blind-side")) {
    const at = Number(node.dataset.side);
    node.setAttribute("aria-pressed", String(at === pair.current));
    const was = told?.stimuli?.[at - first()]?.label;
    node.querySelector(".blind-heard").textContent = was ?? (heard[at] >= least() ? "heard" : "not heard yet");
  }
  for (const row of element.querySelectorAll(".rate-row")) {
    const given = scores[row.dataset.at];
    const slider = row.querySelector(".rate-slider");
    row.dataset.given = String(given !== null);
    if (given !== null) slider.value = given;
    slider.disabled = Boolean(told);
    row.querySelector(".rate-score").textContent = given ?? "–";
  }
  showTransport();
  const unheard = heard.slice(first()).filter((seconds) => seconds < least()).length;
  const ungiven = scores.filter((given) => given === null).length;
  const left = [unheard && `hear ${unheard} more (${least().toFixed(0)} s of each)`, ungiven && `give ${plural(ungiven, "more score")}`];
  part(".blind-hint").textContent = told || !(unheard || ungiven) ? "" : `Still to do: ${left.filter(Boolean).join(", ")}.`;
  part(".rate-send").disabled = Boolean(told) || isSent || Boolean(unheard || ungiven);
}

async function sendRating() {
  if (told || isSent || part(".rate-send").disabled) return;
  isSent = true;
  try {
    const answer = { ...test, sheet: sheet.sheet, scores, heard: heard.slice(first()), by: "page" };
    const found = await studio.ask("rating_answer", answer);
    if (!found.stimuli) return await askRating();
    showRated(found);
  } finally {
    isSent = false;
  }
}

function showRated(found) {
  told = found;
  pair.pause();
  const next = el("button", { type: "button", class: "small main blind-next", onclick: () => attempt(askRating) }, "Go on (Enter)");
  part(".blind-told").replaceChildren(
    el("p", { class: "help" }, found.counted ? "Your scores are kept." : found.why),
    el("ul", { class: "rate-was" }, ...found.stimuli.map((one, at) => el("li", {}, `${letter(at)} was ${one.label}: ${one.score}`))),
    next,
  );
  next.focus({ preventScroll: true });
  showRating();
}

function rateKey(key) {
  if (!sheet) return null;
  if (sheet.reference && key === "0") return () => listen(0);
  if (/^[1-9]$/.test(key) && key <= scores.length) return () => choose(key - 1);
  const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
  if (steps[key]) return () => score(chosen, (scores[chosen] ?? 50) + steps[key]);
  return { ...moves, " ": () => pair.toggle(), Enter: () => attempt(told ? askRating : sendRating) }[key];
}

// --- the reference, brought as a recording of the script's words

function recordingButton(card) {
  if (card.scripts > 1) return el("p", { class: "help" }, "A recording can be brought for a comparison of one script.");
  const file = el("input", { type: "file", hidden: true, accept: "audio/*", class: "reference-file" });
  file.addEventListener("change", () =>
    attempt(async () => {
      const sent = await studio.send(file.files[0], { most: card.most_bytes });
      await studio.ask("bring_reference", { id: card.id, source: sent });
      await openBlind(card.id);
      const test = part(".blind-test");
      test.value = "rating";
      part(".blind-reference").value = "recording";
      test.dispatchEvent(new Event("change"));
    }),
  );
  const button = el("button", { type: "button", class: "small", onclick: () => file.click() }, "Bring a recording of these words");
  return el("span", {}, button, file);
}
