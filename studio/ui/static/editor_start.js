// Brings the script to life: joins the desk, the review, the sound that is made of it, and asks for that sound.
let sounded = new Map(); // turn id -> the parts of the reading that are this turn, while its words are unchanged
let reading = null;

// A turn can be heard as long as it still says what was spoken. Ids match within a visit; after that, words in order.
function link() {
  const spoken = reading?.rows || [];
  const byId = new Map(rows().map((turn) => [turn.id, turn]));
  const same = (turn, one) => turn && turn.speaker === one.speaker && turn.text === one.text;
  const found = spoken.map((one) => (same(byId.get(one.id), one) ? one.id : null));
  const taken = new Set(found);
  let from = 0;
  spoken.forEach((one, index) => {
    if (found[index] || byId.has(one.id)) return;
    const next = rows().findIndex((turn, where) => where >= from && same(turn, one) && !taken.has(turn.id));
    if (next < 0) return;
    taken.add((found[index] = rows()[next].id));
    from = next + 1;
  });
  const turns = reading?.turnsByRow();
  sounded = new Map(found.flatMap((id, index) => (id && turns.has(index) ? [[id, turns.get(index)]] : [])));
  showProgress();
}
const linkSoon = studio.later(120, link);

function showProgress() {
  for (const [id, view] of views) {
    const parts = sounded.get(id);
    view.node.dataset.heard = String(Boolean(parts && reading.span(parts)));
    showState(view, parts ? reading.stateOf(parts) : "");
  }
}

function hearTurn(id) {
  const span = sounded.has(id) && reading.span(sounded.get(id));
  if (span) studio.player.play(span.start, span.end);
}

let lit = null;
function light(spokenTurn) {
  const id = spokenTurn == null ? null : [...sounded].find(([, parts]) => parts.includes(spokenTurn))?.[0];
  if (id === lit) return;
  const before = views.get(lit)?.node;
  const node = views.get(id)?.node;
  delete before?.dataset.sounding;
  lit = id;
  if (!node) return;
  node.dataset.sounding = "true";
  if (!studio.isTyping(document.activeElement) && (!before || isInView(before))) follow(node);
}

// The page goes along with the sound, unless somebody writes or has scrolled elsewhere to read.
function follow(node) {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  node.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
}

function isInView(node) {
  const { top, bottom } = node.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
}

// Notes stand at their turn; those on the whole script stand above it.
function showReview(answer) {
  const notes = Map.groupBy(answer?.notes || [], (note) => note.row);
  for (const turn of rows()) {
    const view = views.get(turn.id);
    if (view) showNotes(view, turn, notes.get(turn.id) || []);
  }
  part(".sheet-notes").replaceChildren(...(notes.get(null) || []).map((note) => noteLine(note)));
}

function speak(options) {
  const token = studio.randomId().slice(0, 16);
  const order = { ...desk.order(), token, ...options };
  studio.emit("asked", order);
  trigger("speak", order);
}

studio.on("mark", () => history.mark("structure"));
studio.on("speak", (options = {}) => speak(options));
studio.on("reading", (now) => {
  reading = now;
  link();
});
studio.on("sounding", light);
studio.on("review", showReview);
studio.on("restore", (found) => replaceScript(found, "The script of that take is on the desk."));
studio.on("desk", (keys) => {
  if (keys.includes("rows")) linkSoon();
  if (keys.includes("engine")) cues();
  if (keys.includes("cast")) {
    for (const view of views.values()) view.speaker.dataset.filled = "";
    render();
    fillOpened({ target: document.activeElement });
  }
});

// Ctrl+Enter speaks from anywhere; Stop has the same place and the same key.
document.addEventListener("keydown", (event) => {
  if (!element.isConnected || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  studio.emit("act");
});

async function begin() {
  studio.drawIcons(element);
  desk.connect(server);
  buildTools();
  acceptDrops();
  let opened;
  try {
    opened = await studio.ask("open_desk", { browser: desk.browser, runs: [...desk.own] });
  } catch (error) {
    return studio.emit("problem", error);
  }
  samples = opened.samples;
  desk.open(opened);
  render();
  cues();
  offerSamples();
  element.querySelector(".sheet").dataset.ready = "true";
  studio.emit("opened", opened);
  if (!desk.isWritten() && window.matchMedia("(hover: hover)").matches) focusTurn(rows()[0].id);
}
begin();
