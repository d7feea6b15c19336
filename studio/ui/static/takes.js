// What was spoken lately, kept over restarts: hear it again, put its script back on the desk, or delete it.
const { el, iconButton, clock, plural, when } = studio;
const list = element.querySelector(".takes-list");
const STATES = { running: "being spoken", unfinished: "broke off", stopped: "stopped", failed: "failed" };

async function hear(take) {
  try {
    studio.emit("load take", { ...(await studio.ask("take", { id: take.id })), when: when(take.created) });
  } catch (error) {
    studio.emit("problem", error);
  }
}

async function restore(take) {
  try {
    const { rows, cast, lead, engine, sampling, precision, seed } = await studio.ask("take", { id: take.id });
    studio.emit("restore", {
      rows,
      cast,
      lead,
      engine,
      sampling: { ...studio.desk.state.sampling, [engine]: sampling },
      precision: { ...studio.desk.state.precision, [engine]: precision },
      seed,
    });
  } catch (error) {
    studio.emit("problem", error);
  }
}

function askToDelete(take, node) {
  const keep = el("button", { type: "button", class: "quiet", onclick: () => node.replaceWith(entry(take)) }, "Keep");
  const drop = async () => {
    try {
      await studio.ask("forget", { id: take.id });
      studio.emit("forget take", take.id);
      refresh();
    } catch (error) {
      studio.emit("problem", error);
    }
  };
  node.replaceChildren(
    el("p", { class: "take-ask" }, "Delete this take?"),
    el("button", { type: "button", class: "quiet danger", onclick: drop }, "Delete"),
    keep,
  );
  keep.focus();
}

function entry(take) {
  const said = take.opening || "(no words)";
  const state =
    take.state === "finished"
      ? clock(take.seconds)
      : `${STATES[take.state]}, ${take.done} of ${plural(take.passages, "passage")}`;
  const play = iconButton("play", `Hear “${said}”`, () => hear(take), { class: "tool take-play" });
  play.disabled = !take.playable;
  const node = el("li", { class: "take", "data-run": take.id, "data-state": take.state });
  const actions = [
    iconButton("page", `Put “${said}” back on the desk`, () => restore(take), { class: "tool take-restore" }),
    iconButton("trash", `Delete “${said}”`, () => askToDelete(take, node), { class: "tool take-delete" }),
  ];
  node.append(
    play,
    el(
      "div",
      { class: "take-about" },
      el("p", { class: "take-opening" }, said),
      el("p", { class: "take-facts" }, `${when(take.created)} · ${state} · ${take.engine_title}`),
    ),
    ...actions,
  );
  return node;
}

function show(takes) {
  list.replaceChildren(...takes.map(entry));
  element.querySelector(".takes-empty").hidden = takes.length > 0;
}

const refresh = studio.later(150, () =>
  studio.ask("recent", { runs: [...studio.desk.own] }).then(
    ({ takes }) => show(takes),
    () => {},
  ),
);
studio.on("opened", ({ takes }) => show(takes));
studio.on("over", refresh);
