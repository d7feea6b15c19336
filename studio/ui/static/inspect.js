// A file that somebody wonders about: whether it carries the mark, what it says of itself, which take it was.
const { el } = studio;
const told = element.querySelector(".inspect-told");
const chooser = element.querySelector(".inspect-file");

function show({ name, seconds, marked, mark, label, origin, run }) {
  const lead = marked === null ? "It cannot be told" : marked ? "It carries the mark" : "No mark was found";
  const lines = [mark, ...label, origin].map((line) => el("p", {}, line));
  const open = async () => {
    try {
      studio.emit("load take", { ...(await studio.ask("take", { id: run })), when: name });
    } catch (problem) {
      studio.emit("problem", problem);
    }
  };
  const hear = run
    ? [el("button", { type: "button", class: "small", onclick: open }, studio.icon("play"), "Hear that take")]
    : [];
  told.replaceChildren(
    el(
      "p",
      { class: "inspect-lead", "data-marked": String(marked) },
      el("strong", {}, lead),
      ` ${name}, ${seconds.toFixed(1)} s`,
    ),
    ...lines,
    ...hear,
  );
}

async function look(file) {
  told.replaceChildren(el("p", {}, el("span", { class: "listening" }), `Looking at ${file.name} …`));
  try {
    const { most_bytes: most } = await studio.ask("recording_setup");
    const source = await studio.send(file, { most });
    show(await studio.ask("inspect", { source, runs: [...studio.desk.own] }));
  } catch ({ message, remedy }) {
    told.replaceChildren(el("p", { class: "stock-failed" }, el("strong", {}, message), ` ${remedy || ""}`));
  }
}

element.querySelector(".inspect-drop").addEventListener("click", () => chooser.click());
chooser.addEventListener("change", () => {
  if (chooser.files.length) look(chooser.files[0]);
  chooser.value = "";
});
studio.acceptFiles(element.querySelector(".inspect"), ([file]) => file && look(file));
studio.ask("watermark").then(
  ({ meaning }) => (element.querySelector(".inspect-mark").textContent = meaning),
  () => {},
);
