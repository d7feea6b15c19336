// What public arenas have published: apart from the votes that were given here, fetched when somebody wants to see it.
part(".compare-arena").addEventListener("toggle", ({ target }) => {
  if (target.open && !part(".compare-arenas").firstChild) attempt(showArenas);
});

async function showArenas() {
  const { figures } = await studio.ask("arenas", {});
  const rows = figures.map((one) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, one.system),
      ...[one.title, one.published, one.date, one.checked, one.caveat].map((text) => el("td", {}, text)),
      el("td", {}, el("a", { href: one.address, target: "_blank", rel: "noreferrer" }, one.source)),
    ),
  );
  const heads = ["System", "What", "As published", "Date", "Checked", "Keep in mind", "Source"];
  part(".compare-arenas").replaceChildren(table("Public arenas", heads, rows));
}
