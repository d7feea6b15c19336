// Before a blind test in the Compare tab: who listens, which test it is, of what; and the link for others.
const KINDS_OF_TEST = [
  ["pair", "Which is better?", "Two takes of the same script. Say which is better; then you are told what they were."],
  [
    "abx",
    "Is there a difference at all? (ABX)",
    "A third take, X, is the first or the second: say which. Sixteen trials make a run, and only then you learn whether you hear a difference.",
  ],
  [
    "rating",
    "Rate them all at once, 0 to 100",
    "All takes of a script on one page, without a name, each with a slider from bad to excellent.",
  ],
];
const SECRECY =
  "All are without a name, equally loud and long. Stop whenever you like: every answer is kept at once. Now and then a pair comes again, or one is spoilt on purpose, to learn how steadily you hear.";

function blindForm(card) {
  const { entries, scripts } = card;
  const numbers = Array.from({ length: entries }, (_, at) => at + 1);
  const pairs = numbers.flatMap((one) => numbers.slice(one).map((two) => [`${one},${two}`, `entries ${one} and ${two}`]));
  const select = (name, options) => {
    const node = el("select", { class: `blind-${name}` }, ...options.map(([value, title]) => el("option", { value }, title)));
    return node;
  };
  const chosen = {
    test: select("test", KINDS_OF_TEST),
    pair: select("pair", [["", "all, in turn"], ...pairs]),
    reference: select("reference", [
      ["", "none"],
      ...numbers.map((one) => [`${one}`, `entry ${one}`]),
      ...(card.recorded === scripts ? [["recording", scripts > 1 ? "the recordings" : "the recording"]] : []),
    ]),
  };
  const words = el("p", { class: "help blind-words" });
  const fields = {
    pair: el("label", { class: "compare-field" }, "Of", chosen.pair),
    reference: el("div", { class: "blind-of-reference" }, el("label", { class: "compare-field" }, "Reference", chosen.reference)),
  };
  const show = () => {
    const kind = chosen.test.value;
    fields.pair.hidden = kind !== "abx" || pairs.length < 2;
    fields.reference.hidden = kind !== "rating";
    const [, , purpose] = KINDS_OF_TEST.find(([name]) => name === kind);
    words.textContent = kind === "rating" ? `${purpose} ${referenceWords(chosen.reference.value)}` : `${purpose} ${SECRECY}`;
  };
  for (const node of Object.values(chosen)) node.addEventListener("change", show);
  show();
  const wanted = () => ({
    id: card.id,
    test: chosen.test.value,
    pair: chosen.test.value === "abx" && chosen.pair.value ? chosen.pair.value.split(",").map(Number) : [],
    reference: chosen.test.value === "rating" ? chosen.reference.value : "",
    tells: true,
  });
  const choice = el("label", { class: "compare-field" }, "Test", chosen.test);
  return { nodes: [choice, fields.pair, fields.reference, words], wanted, reference: fields.reference };
}

const referenceWords = (reference) =>
  reference
    ? "With a reference this is a MUSHRA test (ITU-R BS.1534-3): the reference is heard openly, and hidden among the others with two anchors, itself without what is above 3.5 and 7 kHz."
    : "Without a reference of the same words this is no MUSHRA test, and is not called one: takes are rated against each other (after ITU-R BS.2132), with no hidden reference or anchor to check the listener by.";

async function openBlind(id) {
  leaveSide();
  setView("blind");
  const card = await studio.ask("test_card", { id });
  if (view() !== "blind") return;
  const known = studio.memory.read("dialogue-studio-listener") || "";
  const name = el("input", { type: "text", class: "blind-name", maxlength: 40, value: known, autocomplete: "off" });
  const { nodes, wanted, reference } = blindForm(card);
  reference.append(recordingButton(card));
  const form = el(
    "form",
    { class: "blind-start" },
    el("h3", {}, "Blind test"),
    el("label", { class: "compare-field" }, "Your name or a nickname", name),
    ...nodes,
    el("div", { class: "compare-row" }, el("button", { type: "submit", class: "small main" }, "Begin")),
    shareBox(card, wanted),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    pair.wake().resume(); // here, where somebody has just pressed: later a telephone would not let it sound
    root.dataset.test = id;
    attempt(async () => {
      test = { ...wanted(), listener: name.value.trim() };
      await (test.test === "rating" ? askRating() : ask());
      studio.memory.write("dialogue-studio-listener", test.listener);
    });
  });
  part(".compare-blind-view").replaceChildren(form);
  name.focus();
}

// --- for others

function shareBox(card, wanted) {
  const links = el("ul", { class: "share-links", "aria-label": "Open links" });
  const tells = el("input", { type: "checkbox", class: "share-tells", checked: true });
  const show = ({ sessions }) => links.replaceChildren(...sessions.map((session) => shareLink(session, refresh)));
  const refresh = async () => show(await studio.ask("sessions", { id: card.id }));
  const open = () =>
    attempt(async () => {
      show(await studio.ask("open_session", { ...wanted(), tells: tells.checked }));
    });
  attempt(refresh);
  return el(
    "details",
    { class: "compare-more share" },
    el("summary", {}, "Let others listen"),
    el(
      "p",
      { class: "help" },
      "A page with this test and nothing else, for several people at once. Whoever has its link can take part; whoever does not, cannot.",
    ),
    el("label", { class: "compare-field" }, tells, "Tell after each answer what it was"),
    el("div", { class: "compare-row" }, el("button", { type: "button", class: "small share-open", onclick: open }, "Make a link")),
    links,
  );
}

function shareLink(session, refresh) {
  const url = new URL(session.url, location.href).href;
  const act = (label, name) =>
    el(
      "button",
      { type: "button", class: "small", onclick: () => attempt(() => studio.ask(name, { token: session.token }).then(refresh)) },
      label,
    );
  const copy = async () => {
    await navigator.clipboard.writeText(url);
    studio.toast("The link is copied.");
  };
  const kind = KINDS_OF_TEST.find(([name]) => name === session.test)[1];
  const people = session.listeners.length ? session.listeners.join(", ") : "nobody yet";
  return el(
    "li",
    { class: "compare-card" },
    el("p", { class: "compare-label" }, kind),
    session.url
      ? el("a", { class: "share-url", href: url, target: "_blank", rel: "noreferrer" }, url)
      : el("p", { class: "help" }, "Not open on the network at the moment."),
    el("p", { class: "help" }, `Taking part: ${people}`),
    el(
      "div",
      { class: "compare-row" },
      session.url && navigator.clipboard ? el("button", { type: "button", class: "small", onclick: () => attempt(copy) }, "Copy") : null,
      session.url ? null : act("Open it again", "reopen_session"),
      act("Close", "close_session"),
    ),
  );
}
