// The words of the open recording: written down by the recogniser, corrected by a person, and held against each other.
const LOW = 0.6; // below this confidence a word wants a look

function makeCloneWords(root, { setup, playWord }) {
  const part = (name) => root.querySelector(name);
  const [area, told, list, match] = [
    part(".words-text"),
    part(".words-told"),
    part(".words-list"),
    part(".words-match"),
  ];
  let recording = null;
  let number = 0;

  const say = (...words) => told.replaceChildren(...words);

  // Asks for the words. What was typed stays; nothing typed is filled in.
  async function write() {
    const mine = recording;
    if (!mine?.weighed) return;
    if (setup.obstacle) return say(setup.obstacle);
    const now = ++number;
    if (!mine.written)
      say(studio.el("span", { class: "listening" }), `${setup.recogniser} listens and writes it down …`);
    try {
      const text = mine.touched ? mine.text : null;
      const written = await studio.ask("write_down", { source: mine.source, steps: mine.steps, text });
      if (now !== number && mine === recording) return;
      mine.written = written;
      if (!mine.touched) mine.text = written.text;
      mine.problem = null;
    } catch (problem) {
      mine.problem = problem;
      mine.written = null;
    }
    if (mine === recording) show();
  }

  function model({ model, estimated, words }) {
    if (!words.length) return "Nothing was heard. Type what is said.";
    const times = estimated ? ", with estimated times" : "";
    return `Written down by ${model}${times}. Correct what is wrong: clones follow the words exactly.`;
  }

  function wordChip([text, start, end, confidence]) {
    const isLow = confidence != null && confidence < LOW;
    const sure = confidence == null ? "" : `, ${Math.round(100 * confidence)} % sure`;
    const title = `${start.toFixed(2)} to ${end.toFixed(2)} s${sure}`;
    return studio.el(
      "button",
      { type: "button", class: "word", title, "data-low": String(isLow), onclick: () => playWord(start, end) },
      text,
      isLow ? studio.el("small", {}, `${Math.round(100 * confidence)} %`) : null,
    );
  }

  function difference([said, heard]) {
    return studio.el(
      "li",
      {},
      studio.el("del", {}, said || "nothing"),
      " written, ",
      studio.el("ins", {}, heard || "nothing"),
      " heard",
    );
  }

  function compared({ matches, differences, heard }) {
    if (!heard || !differences.length) return [];
    const lead = matches
      ? "Nearly what was heard; see that these are right:"
      : "This is not what is heard. Words that do not match ruin a clone:";
    const anew = studio.el("button", { type: "button", class: "small", onclick: takeHeard }, "Take what was heard");
    const kept = differences.slice(0, 8).map(difference);
    return [studio.el("p", {}, studio.icon(matches ? "info" : "alert"), lead), studio.el("ul", {}, ...kept), anew];
  }

  function takeHeard() {
    Object.assign(recording, { touched: false, text: recording.written.heard });
    show();
    write();
  }

  function show() {
    if (!recording) return;
    const { written, problem, text } = recording;
    if (area.value !== (text ?? "")) area.value = text ?? "";
    if (problem) say(studio.el("strong", {}, problem.message), ` ${problem.remedy}`);
    else if (written) say(model(written));
    list.replaceChildren(...(written?.words || []).map(wordChip));
    match.replaceChildren(...(written ? compared(written) : []));
    match.dataset.matches = String(written?.matches ?? true);
    studio.emit("clone changed");
  }

  const soon = studio.later(400, write);
  area.addEventListener("input", () => {
    if (!recording) return;
    Object.assign(recording, { text: area.value, touched: Boolean(area.value.trim()) });
    studio.emit("clone changed");
    soon();
  });

  return {
    write,
    open(next) {
      number++;
      recording = next;
      if (!next.written && !setup.obstacle) say("");
      if (setup.obstacle) say(setup.obstacle);
      show();
    },
  };
}
