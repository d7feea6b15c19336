// What one keeps of a comparison: favourites, which this browser remembers, and all of it as a file.
const favourites = (() => {
  const KEY = "dialogue-studio-favourites";
  const kept = () => studio.memory.read(KEY) || {}; // comparison -> entries
  const of = (id) => kept()[id] || [];
  return {
    of,
    toggle(id, entry) {
      const now = of(id).includes(entry) ? of(id).filter((one) => one !== entry) : [...of(id), entry];
      const newest = Object.entries({ ...kept(), [id]: now }).filter(([, some]) => some.length).slice(-200);
      studio.memory.write(KEY, Object.fromEntries(newest));
    },
  };
})();

function favourite(item) {
  const { id } = shown;
  const button = iconButton("star", `Favourite: ${item.label}`, () => {
    favourites.toggle(id, item.id);
    show();
  }, { class: "tool compare-star" });
  const show = () => button.setAttribute("aria-pressed", String(favourites.of(id).includes(item.id)));
  show();
  return button;
}

function saveButton([label, kind]) {
  const { id } = shown;
  const save = async ({ currentTarget }) => {
    currentTarget.disabled = true;
    await attempt(async () => {
      const { url, name } = await studio.ask("save_comparison", { id, kind, favourites: favourites.of(id) });
      const file = await fetch(url);
      if (!file.ok) throw { message: "The file did not arrive.", remedy: "Try again." };
      studio.download(await file.blob(), name);
    });
    currentTarget.disabled = false;
  };
  return el("button", { type: "button", class: "small", onclick: save }, label);
}
