// The voice itself: by which right, its name and what is noted of it; saved, or refused at the field that is missing.
function makeCloneForm(root, { rights }) {
  const { el } = studio;
  const part = (name) => root.querySelector(name);
  const field = (name) => part(`.about [name="${name}"]`);
  const kinds = rights.map(([kind, title]) => {
    const radio = el("input", { type: "radio", name: "consent", value: kind, id: `consent-${kind}` });
    radio.addEventListener("change", showKind);
    return el("label", { class: "consent-kind" }, radio, title);
  });
  part(".consent-kinds").append(...kinds);
  const kind = () => part('[name="consent"]:checked')?.value || "";

  function showKind() {
    for (const node of root.querySelectorAll("[data-kinds]"))
      node.hidden = !node.dataset.kinds.split(" ").includes(kind());
    refuse(null);
    studio.emit("clone changed");
  }

  function consent() {
    const fields = ["who", "when", "source", "note"].filter((name) => !field(name).closest("[data-kinds]").hidden);
    return { kind: kind(), ...Object.fromEntries(fields.map((name) => [name, field(name).value.trim()])) };
  }

  const values = () => ({
    name: field("name").value.trim(),
    language: field("language").value.trim() || "en",
    tags: field("tags")
      .value.split(",")
      .map((tag) => tag.trim())
      .filter(Boolean),
    notes: field("notes").value,
    consent: consent(),
  });

  function fill({ name = "", language = "en", tags = [], notes = "", consent = {} }) {
    field("name").value = name;
    field("language").value = language;
    field("tags").value = tags.join(", ");
    field("notes").value = notes;
    for (const radio of root.querySelectorAll('[name="consent"]')) radio.checked = radio.value === consent.kind;
    for (const one of ["who", "when", "source", "note"]) {
      if (one === "when") field(one).type = consent.when && !/^\d{4}-\d\d-\d\d$/.test(consent.when) ? "text" : "date";
      field(one).value = consent[one] || "";
    }
    showKind();
  }

  // Shows what is missing at its field and goes there; without a problem takes such words away.
  function refuse(problem) {
    for (const node of root.querySelectorAll(".field-problem")) node.hidden = true;
    for (const node of root.querySelectorAll("[aria-invalid]")) node.removeAttribute("aria-invalid");
    part(".clone-refused").hidden = true;
    if (!problem) return;
    const place = part(`.field-problem[data-for="${problem.field}"]`) || part(".clone-refused");
    place.textContent = `${problem.message} ${problem.remedy}`;
    place.hidden = false;
    const inputs = { text: ".words-text", line: "#try-line", consent: '[name="consent"]', recordings: ".bring-choose" };
    const input = problem.field && (part(inputs[problem.field] || `.about [name="${problem.field}"]`) || null);
    input?.setAttribute("aria-invalid", "true");
    input?.focus();
    place.scrollIntoView({ block: "center" });
  }

  root.addEventListener("input", ({ target }) => {
    const mine = target.closest("div, fieldset")?.querySelector(":scope > .field-problem:not([hidden])");
    if (mine) refuse(null);
  });
  const rename = (from, to) => field("name").value.trim() === from && (field("name").value = to);
  fill({});
  return { values, fill, refuse, rename };
}
