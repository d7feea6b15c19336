// Model files and memory as the server tells them, asked again while something is under way or somebody looks.
// Part of the document's head; it draws only what both the engine menu and the list of models show.
studio.stock = (() => {
  const { ask, el, emit, on } = studio;
  const UNDER_WAY = 400; // milliseconds between two questions
  const LOOKED_AT = 4000;
  let told = { rows: [], memory: { loaded: [] }, disk: null, errand: null, may_change: false };
  let begun = 0; // the number of the last errand that this page has seen under way
  let watched = false;
  let timer = null;

  const amount = (bytes) => {
    if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`;
    return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
  };
  const wait = (seconds) => {
    if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s left`;
    return seconds < 5400 ? `${Math.round(seconds / 60)} min left` : `${(seconds / 3600).toFixed(1)} h left`;
  };
  const row = (engine) => told.rows.find((one) => one.engine === engine);
  const isUnderWay = () => Boolean(told.errand && !told.errand.over);
  // The errand of an engine: under way, or over and not yet followed by another.
  const errandOf = (engine) => (told.errand?.engine === engine ? told.errand : null);

  function take(answer) {
    told = answer;
    if (isUnderWay()) begun = told.errand.number;
    emit("stock");
    clearTimeout(timer);
    if (isUnderWay() || watched) timer = setTimeout(refresh, isUnderWay() ? UNDER_WAY : LOOKED_AT);
  }

  async function refresh() {
    const before = begun;
    const answer = await ask("models").catch(() => null);
    if (!answer) return void (timer = setTimeout(refresh, LOOKED_AT)); // it may come back
    take(answer);
    if (told.errand?.over && told.errand.number === before) ended(told.errand);
  }

  async function ended(errand) {
    begun = 0;
    await look().catch(() => {});
    if (errand.kind === "prepare" && errand.state === "finished") {
      studio.toast(`${errand.title} will load in about a second from now on.`);
    } else if (errand.kind !== "check" && errand.state === "finished") {
      const act = () => studio.desk.set({ engine: errand.engine });
      studio.toast(`${errand.title} is here.`, { action: { label: "Use it", act } });
    }
  }

  // The engines anew: one may have become ready, or no longer be.
  async function look(asked = {}) {
    const { engines, models } = await ask("look_again", asked);
    take(models);
    studio.desk.renew(engines);
  }

  // Asks for a change and shows what is said, an error too. Gives the answer, or nothing when it was refused.
  async function act(name, engine, more = {}) {
    try {
      const answer = await ask(name, { engine, ...more });
      if (answer.models || answer.rows) take(answer.models || answer);
      if (answer.engines) studio.desk.renew(answer.engines);
      return answer;
    } catch ({ message, remedy }) {
      studio.toast(message, { kind: "problem", remedy });
      return null;
    }
  }

  const button = (label, onclick, more = {}) =>
    el("button", { type: "button", class: "small", onclick, ...more }, ...[label].flat());

  // How far an errand is. `update` changes words and bar and nothing else, so that nobody loses the place.
  function progress(engine, label) {
    const bar = el("progress", { "aria-label": label });
    const words = el("span", { class: "stock-words" });
    // Not `disabled`, which would take the focus from whoever has pressed it.
    const stop = button("Stop", () => stop.ariaDisabled !== "true" && act("halt", engine));
    const update = () => {
      const errand = errandOf(engine);
      if (!errand) return;
      if (errand.total) [bar.max, bar.value] = [errand.total, errand.done];
      const pace = errand.speed ? ` · ${amount(errand.speed)}/s` : "";
      const left = errand.left == null ? "" : ` · ${wait(errand.left)}`;
      const known = errand.total ? `${amount(errand.done)} of ${amount(errand.total)}${pace}${left}` : "Asking …";
      words.textContent = errand.state === "stopping" ? "Stopping …" : known;
      stop.ariaDisabled = String(errand.state === "stopping");
    };
    update();
    return { node: el("div", { class: "stock-progress" }, bar, words, stop), update };
  }

  on("opened", ({ models }) => take(models));
  on("over", () => watched && refresh());

  return {
    amount,
    act,
    button,
    errandOf,
    isUnderWay,
    look,
    progress,
    refresh,
    row,
    get told() {
      return told;
    },
    watch(looks) {
      watched = looks;
      if (looks) refresh();
    },
  };
})();
