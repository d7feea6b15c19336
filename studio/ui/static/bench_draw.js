// What was measured, drawn: figures, plots, rows, differences. It asks nobody for anything.
const { el, icon, plural } = studio;

function cells(tag, texts) {
  return texts.map((text) => el(tag, tag === "th" ? { scope: "col" } : {}, text));
}

const wide = (label, ...rows) =>
  el("div", { class: "bench-wide", tabindex: "0", role: "region", "aria-label": label }, el("table", {}, ...rows));

const missing = (why) => el("span", { class: "bench-missing", title: why }, "missing", el("small", {}, why));

function figures(told) {
  const head = el("tr", {}, el("td", {}), ...cells("th", told.titles));
  const lines = told.table.map((line) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", title: line.definition }, line.title),
      ...line.cells.map((text, at) => el("td", {}, line.missing[at] ? missing(line.missing[at]) : text)),
    ),
  );
  const percents = told.firsts.map((one) => (one ? `${one.map((value) => value.toFixed(3)).join(" / ")} s` : "·"));
  lines.splice(2, 0, el("tr", {}, el("th", { scope: "row" }, "… p50 / p90 / p95"), ...cells("td", percents)));
  return wide("Figures of the engines", head, ...lines);
}

function meanings(told) {
  return el("dl", { class: "bench-meanings" }, ...told.table.flatMap((line) => [el("dt", {}, line.title), el("dd", {}, line.definition)]));
}

function plot(one) {
  const figure = el("figure", { class: "bench-plot" }, el("figcaption", {}, one.title));
  figure.insertAdjacentHTML("beforeend", one.svg); // drawn by the server, every word in it escaped
  const drawn = () => new Blob([alone(figure.querySelector("svg"))], { type: "image/svg+xml" });
  const save = (kind, act) =>
    el("button", { type: "button", class: "quiet", onclick: act, "aria-label": `${one.title} as ${kind}` }, kind);
  const files = [
    save("SVG", () => studio.download(drawn(), `${one.name}.svg`)),
    save("PNG", async () => studio.download(await painted(drawn()), `${one.name}.png`)),
  ];
  figure.append(el("p", { class: "help" }, one.note), el("div", { class: "bench-files" }, ...files));
  return figure;
}

// A drawing as a picture, three times as fine as it is shown, on the page's ground.
async function painted(drawing) {
  const image = new Image();
  const url = URL.createObjectURL(drawing);
  image.src = url;
  await image.decode();
  const [, , width, height] = (await drawing.text()).match(/viewBox="(\S+) (\S+) (\S+) (\S+)"/).slice(1).map(Number);
  const canvas = el("canvas", { width: 3 * width, height: 3 * height });
  const brush = canvas.getContext("2d");
  brush.fillStyle = getComputedStyle(document.body).backgroundColor;
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(url);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

// A plot that keeps its colours outside the page.
function alone(svg) {
  const copy = svg.cloneNode(true);
  const sources = [svg, ...svg.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((node, at) => {
    const { fill, stroke, strokeWidth, strokeDasharray, fontSize } = getComputedStyle(sources[at]);
    const style = { fill, stroke, "stroke-width": strokeWidth, "stroke-dasharray": strokeDasharray };
    if (node.tagName === "text") Object.assign(style, { "font-size": fontSize, "font-family": "sans-serif" });
    for (const [name, value] of Object.entries(style)) node.setAttribute(name, value);
  });
  const [, , width, height] = svg.getAttribute("viewBox").split(" ");
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return copy.outerHTML;
}

function rowTable(told, hear, turnTo) {
  const head = el("tr", {}, ...cells("th", ["Engine", "Script", "Seed", "No.", ...told.columns, "Sound"]));
  const lines = told.rows.map((row) => {
    const label = `Hear ${row.engine}, ${row.item}, seed ${row.seed}, ${row.repeat}`;
    const play = el(
      "button",
      { type: "button", class: "tool", "aria-label": label, title: label, "data-cell": row.cell, onclick: () => hear(row, label) },
      icon("play"),
    );
    const values = row.values.map((text, at) => el("td", { title: text ? "" : row.missing[at] }, text || "·"));
    const last = row.error ? el("span", { class: "bench-failed" }, row.error) : row.url ? play : "";
    return el("tr", {}, ...cells("td", [row.engine, row.item, row.seed, row.repeat]), ...values, el("td", {}, last));
  });
  return el("div", { class: "bench-rows" }, wide("Rows", head, ...lines), ...(told.pages > 1 ? [pages(told, turnTo)] : []));
}

function pages({ page, pages, first_row: first, rows, all_rows: all }, turnTo) {
  const turn = (label, to) =>
    el("button", { type: "button", class: "small", disabled: to === page, onclick: () => turnTo(to) }, label);
  return el(
    "nav",
    { class: "bench-pages", "aria-label": "Pages of rows" },
    turn("First", 0),
    turn("Before", Math.max(0, page - 1)),
    el("span", {}, `Rows ${first + 1} to ${first + rows.length} of ${all}`),
    turn("Next", Math.min(pages - 1, page + 1)),
    turn("Last", pages - 1),
  );
}

function published(told) {
  if (!told.published.length) return el("p", { class: "help" }, "Nothing is known that others have published of these engines.");
  const head = el("tr", {}, ...cells("th", ["System", "Measure", "As published", "Hardware", "Date", "Checked", "Keep in mind", "Source"]));
  const lines = told.published.map((one) =>
    el(
      "tr",
      { class: "bench-other" },
      ...cells("td", [one.system, one.title, one.published, one.hardware, one.date, one.checked, one.caveat]),
      el("td", {}, el("a", { href: one.address, target: "_blank", rel: "noreferrer" }, one.source)),
    ),
  );
  return wide("Published by others", head, ...lines);
}

function differences(told) {
  const changed = told.differences.filter((one) => one.verdict !== "same");
  const share = Math.round(told.threshold * 100);
  const lead = changed.length
    ? `${changed.length} of ${told.differences.length} measures differ from ${told.with} by more than ${share} %.`
    : `Nothing differs from ${told.with} by more than ${share} %.`;
  const other = told.machines.length ? ` Not the same machine or versions: ${told.machines.join(", ")}.` : "";
  const head = el("tr", {}, ...cells("th", ["Engine", "Measure", "Before", "Now", "Change, 95 %", "Scripts", ""]));
  const lines = told.differences.map((one) =>
    el(
      "tr",
      { "data-verdict": one.verdict },
      ...cells("td", [one.engine, one.measure, one.before, one.now, one.interval, one.pairs, one.verdict]),
    ),
  );
  return el("div", {}, el("p", {}, lead + other), told.differences.length ? wide("Differences", head, ...lines) : "");
}

function advice(answer) {
  const lead = answer.suits ? (answer.obstacle ? "suits, and is not ready here" : "suits") : "does not suit";
  const reasons = answer.reasons.map((one) =>
    el("li", { "data-holds": String(one.holds) }, `${one.holds ? "✓" : "✗"} ${one.text} `, el("small", {}, one.source)),
  );
  const obstacle = answer.obstacle ? [el("li", {}, answer.obstacle)] : [];
  return el("li", {}, el("strong", {}, `${answer.title}: ${lead}`), el("ul", {}, ...reasons, ...obstacle));
}
