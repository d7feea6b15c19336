// What is in memory and on the disk: unload it, check it, delete it. Fetching is offered where an engine is chosen.
const { el, iconButton, plural } = studio;
const stock = studio.stock;
const details = element.querySelector(".models");
const [loaded, kept] = [element.querySelector(".models-loaded"), element.querySelector(".models-kept")];
const gigabytes = (value) => (value < 1 ? `${Math.round(value * 1000)} MB` : `${value.toFixed(1)} GB`);
let asked = ""; // the engine whose deletion is being asked about
let copying = null; // the engine and the size of the copy that is being asked about
let bar = null;
let said = "";

function inMemory({ engine, title, gb, precision, is_measured, is_speaking }) {
  const unload = stock.button("Unload", () => stock.act("unload", engine), { "aria-label": `Unload ${title}` });
  unload.disabled = is_speaking;
  const size = `${is_measured ? "" : "about "}${gigabytes(gb)}`;
  const facts = [size, precision === "exact" ? "" : precision, is_speaking ? "in use" : ""].filter(Boolean).join(" · ");
  const item = el("li", { class: "model", "data-engine": engine }, ...about(title, facts));
  if (stock.told.may_change) item.append(unload);
  return item;
}

const about = (title, ...facts) => [
  el("div", { class: "model-about" }, el("p", {}, title), el("p", { class: "model-facts" }, ...facts)),
];

function onDisk(row) {
  const item = el("li", { class: "model", "data-engine": row.engine });
  if (asked === row.engine) return askToDelete(item, row);
  if (copying?.engine === row.engine) return askToCopy(item, row);
  const whole = row.state === "ready" ? "" : ` of ${stock.amount(row.needed)}`;
  const copies = row.copies ? ` · and ${stock.amount(row.copies)} made to load faster` : "";
  const codes = row.codes ? ` · and ${stock.amount(row.codes)} of encoded recordings` : "";
  const links = row.parts.filter((part) => part.here).flatMap((part) => [" · ", partLink(part)]);
  item.append(...about(row.title, stock.amount(row.here) + whole + copies + codes, ...links));
  if (stock.told.may_change) item.append(...tools(row));
  const isFree = stock.told.may_change && !stock.isUnderWay();
  if (isFree && row.can_copy && !row.copies) item.append(copyOffer(row));
  const errand = stock.errandOf(row.engine);
  if (!errand || errand.kind === "download") return item; // how far that is stands where the engine is chosen
  if (!errand.over) item.append((bar = stock.progress(row.engine, `Work on ${row.title}`)).node);
  else if (errand.kind !== "mend") item.append(...found(row, errand));
  return item;
}

// Offers a copy that loads faster; how large it will be is asked first, since the server must look into the files.
function copyOffer(row) {
  const ask = async ({ target }) => {
    target.ariaDisabled = "true";
    const answer = await stock.act("copy_size", row.engine);
    copying = answer && { engine: row.engine, bytes: answer.bytes };
    show();
    kept.querySelector(".model-no-copy")?.focus();
  };
  return stock.button("Load faster …", ask, { class: "small model-copy", "aria-label": `Make ${row.title} load faster` });
}

function askToCopy(item, row) {
  const leave = () => {
    copying = null;
    show();
    kept.querySelector(`[data-engine="${row.engine}"] .model-copy`)?.focus();
  };
  const write = () => {
    copying = null;
    stock.act("prepare", row.engine);
  };
  const question = `Write a copy of ${stock.amount(copying.bytes)}, from which ${row.title} loads in about a second?`;
  item.append(
    el("p", { class: "model-about" }, question),
    stock.button("Write it", write, { class: "small", "aria-label": `Write the copy of ${row.title}` }),
    stock.button("Not now", leave, { class: "small model-no-copy", "aria-label": `No copy of ${row.title}` }),
  );
  return item;
}

function partLink({ repo, revision, url }) {
  const title = `${repo} at ${revision}`;
  const link = { href: `${url}/tree/${revision}`, target: "_blank", rel: "noreferrer", title };
  return el("a", link, `${repo.split("/")[1]} @ ${revision.slice(0, 7)}`);
}

function tools(row) {
  const verify = () => stock.act("verify", row.engine);
  const check = iconButton("check", `Check the files of ${row.title}`, verify, { class: "tool model-check" });
  const ask = () => askAbout(row.engine);
  const drop = iconButton("trash", `Delete the files of ${row.title}`, ask, { class: "tool model-delete" });
  check.disabled = drop.disabled = stock.isUnderWay();
  return [check, drop];
}

// What a check has found.
function found({ engine }, { error, report }) {
  const failed = "model-found stock-failed";
  if (error) return [el("p", { class: failed }, `${error.message} ${error.remedy}`)];
  if (!report) return [];
  const { count, flaws, unproven } = report;
  if (!flaws.length) {
    const doubt = unproven ? `; ${unproven} of them have no hash here to hold them to` : ", all as published";
    return [el("p", { class: "model-found" }, plural(count, "file") + doubt)];
  }
  const lines = flaws.slice(0, 5).map(({ file, reason }) => el("li", {}, el("strong", {}, file), ` ${reason}`));
  if (flaws.length > 5) lines.push(el("li", {}, `and ${flaws.length - 5} more`));
  return [el("ul", { class: failed }, ...lines), stock.button("Fetch anew", () => stock.act("mend", engine))];
}

function askAbout(engine) {
  asked = engine;
  show();
  if (engine) kept.querySelector(".model-keep")?.focus();
}

function askToDelete(item, row) {
  const keep = () => [askAbout(""), kept.querySelector(`[data-engine="${row.engine}"] .model-delete`)?.focus()];
  const drop = async (more) => {
    asked = "";
    const answer = await stock.act("discard", row.engine, more);
    if (answer) studio.toast(`${stock.amount(answer.freed)} are free again.`);
    show();
    details.querySelector("summary").focus();
  };
  const made = row.copies + row.codes;
  const only = row.copies ? "the copy" : "encoded recordings";
  item.append(
    el("p", { class: "model-about" }, `Delete ${stock.amount(row.here + made)}?`),
    stock.button("Delete", () => drop({}), { class: "small danger", "aria-label": `Delete ${row.title}` }),
    ...(made
      ? [
          stock.button(`Only ${only}, ${stock.amount(made)}`, () => drop({ copy: true }), {
            class: "small danger",
            "aria-label": `Delete only ${only} of ${row.title}`,
          }),
        ]
      : []),
    stock.button("Keep", keep, { class: "small model-keep", "aria-label": `Keep ${row.title}` }),
  );
  return item;
}

// The rows are built anew only when they say something else, and whoever is in them stays where they were.
function show() {
  const { rows, memory, disk, errand } = stock.told;
  const here = rows.filter((row) => row.here || row.copies);
  const size = here.reduce((sum, row) => sum + row.here + row.copies, 0);
  element.querySelector(".models-sum").textContent = size ? `· ${stock.amount(size)}` : "";
  const now = JSON.stringify([here, memory.loaded, errand && [errand.number, errand.over], asked, copying]);
  if (now !== said) {
    said = now;
    bar = null;
    const label = element.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
    loaded.replaceChildren(...memory.loaded.map(inMemory));
    kept.replaceChildren(...here.map(onDisk));
    if (label) element.querySelector(`button[aria-label="${CSS.escape(label)}"]:not(:disabled)`)?.focus();
  }
  bar?.update();
  const used = memory.loaded.length ? gigabytes(memory.used_gb) : "Nothing";
  const limit = `${gigabytes(memory.budget_gb ?? 0)} ${memory.is_set ? "allowed" : "that can be had"}`;
  element.querySelector(".models-budget").textContent = `${used} of ${limit}`;
  const place = disk ? `${disk.folder}, ${stock.amount(disk.free)} free` : "";
  element.querySelector(".models-place").textContent = here.length ? place : `Nothing yet. ${place}`;
}

details.addEventListener("toggle", () => stock.watch(details.open));
studio.on("stock", show);
studio.drawIcons(element);
