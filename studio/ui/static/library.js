// A part of a tab that was not open at first: fetched once, then brought to life.
studio.part = async (element, name) => {
  const told = ({ message, remedy }) => studio.toast(message, { kind: "problem", remedy });
  const part = await studio.ask("late_part", { name }).catch(told);
  if (!part?.html) return;
  document.head.append(studio.el("style", {}, part.style));
  element.innerHTML = part.html;
  new Function("element", part.code)(element);
};

// The recorded voices that a speaker can be given, and what became of those a script names that are not there.
// Part of the document's head; asked for after the page has opened, and again when the library changes.
studio.library = (() => {
  const { ask, emit, on } = studio;
  let told = { voices: [], missing: {} };
  let asked = 0;
  const ids = () => studio.desk.state.cast.map((one) => one.voice).filter((id) => id.startsWith("v-"));
  const find = (id) => told.voices.find((voice) => voice.id === id);

  async function refresh() {
    const number = ++asked;
    const answer = await ask("cast_voices", { ids: ids() }).catch(() => null);
    if (!answer || number !== asked) return;
    told = answer;
    emit("library");
  }
  const soon = studio.later(150, refresh);
  on("opened", refresh);
  on("desk", (keys) => {
    if (keys.includes("cast") && ids().some((id) => !find(id) && !told.missing[id])) soon();
  });

  // Asks for a change of the library and tells everybody of it. Gives the answer, or nothing when it was refused.
  async function change(name, payload) {
    try {
      const answer = await ask(name, payload);
      emit("library changed", answer.voice);
      await refresh();
      studio.desk.set({ cast: studio.desk.state.cast }); // what the engine would make of it is another thing now
      return answer;
    } catch ({ message, remedy }) {
      studio.toast(message, { kind: "problem", remedy });
      return null;
    }
  }

  return {
    find,
    refresh,
    change,
    missing: (id) => told.missing[id],
    get voices() {
      return told.voices;
    },
  };
})();
