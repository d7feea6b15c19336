// What stands below an engine whose files are not here: fetch them, how far that is, or what opens their gate.
const stock = studio.stock;

// A command can be taken along.
function commandLine(command) {
  const copy = () => navigator.clipboard?.writeText(command).then(() => studio.toast("The command is copied."));
  return [studio.el("code", {}, command), studio.iconButton("copy", `Copy: ${command}`, copy)];
}

const reasonOf = (row) => studio.desk.spec(row.engine)?.obstacle?.reason || "";

// What opens a gate, and the hub's answer to whether it is open now.
function gate(row) {
  const { el } = studio;
  const gated = row.parts.find((part) => part.gated);
  const refusal = el("p", { role: "status" });
  const again = stock.button("Check again", async () => {
    refusal.textContent = "Asking …";
    await stock.look({ engine: row.engine }).catch(({ code, message, remedy }) => {
      const isClosed = code === "access_refused";
      const told = isClosed ? ["The hub does not give them yet.", "Do both steps."] : [message, remedy];
      refusal.replaceChildren(el("strong", {}, told[0]), ` ${told[1]}`);
    });
  });
  const page = el("a", { href: gated.url, target: "_blank", rel: "noreferrer" }, gated.repo);
  const steps = [
    el("li", {}, "Accept the terms at ", page),
    el("li", {}, "Run: ", ...commandLine("hf auth login"), " or start the studio with HF_TOKEN set"),
  ];
  const why = `${reasonOf(row)} Its makers ask you to accept terms first.`;
  return [el("p", {}, why), el("ol", {}, ...steps), again, refusal];
}

function fetching(row) {
  const { el } = studio;
  const verb = row.here ? `Download the other ${stock.amount(row.missing)}` : `Download ${stock.amount(row.missing)}`;
  const download = () => stock.act("download", row.engine);
  const begin = stock.button([studio.icon("down"), verb], download, { class: "small offer-begin" });
  const here = row.here ? el("p", {}, `${stock.amount(row.here)} of ${stock.amount(row.needed)} are here.`) : null;
  const error = stock.errandOf(row.engine)?.error;
  const failed = error && el("p", { class: "stock-failed" }, el("strong", {}, error.message), ` ${error.remedy}`);
  const terms = row.access === "unasked" && row.parts.find((part) => part.gated);
  const link = terms && el("a", { href: terms.url, target: "_blank", rel: "noreferrer" }, terms.repo);
  const note = terms && el("p", {}, `${reasonOf(row)} Its terms must have been accepted at `, link);
  return [failed, here, note, begin].filter(Boolean);
}

// A node that follows the stock. It is built anew only when something else is to be said, not with every byte.
function offer(engine) {
  const node = studio.el("div", { class: "offer" });
  let said = "";
  let update = () => {};
  const show = () => {
    const row = stock.row(engine);
    if (!row || row.state === "ready") return; // the menu is about to show it as ready
    const errand = stock.errandOf(engine);
    const isComing = Boolean(errand && !errand.over && ["download", "mend"].includes(errand.kind));
    const now = JSON.stringify([isComing, row.access, !isComing && [row.here, errand?.error]]);
    if (now !== said) {
      said = now;
      const had = node.contains(document.activeElement);
      const bar = isComing ? stock.progress(engine, `Download of ${row.title}`) : null;
      update = bar ? bar.update : () => {};
      node.replaceChildren(...(bar ? [bar.node] : row.access === "closed" ? gate(row) : fetching(row)));
      if (had) node.querySelector("button")?.focus();
    }
    update();
  };
  show();
  return { node, show };
}
