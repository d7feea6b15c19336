// A button with a short list of actions behind it, and words that appear for a while. Part of the document's head.
(() => {
  const { el, icon } = studio;

  function place(list, button) {
    const { top, bottom, left } = button.getBoundingClientRect();
    const below = window.innerHeight - bottom;
    const isUpward = below < list.offsetHeight + 12 && top > below;
    list.style.maxHeight = `min(60vh, ${Math.max(120, (isUpward ? top : below) - 12)}px)`;
    list.classList.toggle("upward", isUpward);
    list.classList.toggle("leftward", left + list.offsetWidth > window.innerWidth - 8);
  }

  function moveFocus(list, event) {
    const items = [...list.querySelectorAll("[role=menuitem]:not([disabled])")];
    const now = items.indexOf(document.activeElement);
    const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    items[(to + items.length) % items.length]?.focus();
  }

  // items: () => [{ label, hint, act, disabled }], asked each time the menu opens.
  studio.menu = (button, items) => {
    const list = el("div", {
      class: "menu-list",
      role: "menu",
      hidden: true,
      "aria-label": button.textContent.trim() || button.title,
    });
    button.after(list);
    button.setAttribute("aria-haspopup", "menu");
    button.setAttribute("aria-expanded", "false");
    const close = (refocus) => {
      list.hidden = true;
      button.setAttribute("aria-expanded", "false");
      if (refocus) button.focus();
    };
    const choose = (act) => () => {
      close(true);
      act();
    };
    const open = () => {
      list.replaceChildren(
        ...items().map(({ label, hint, act, disabled }) =>
          el(
            "button",
            { type: "button", role: "menuitem", tabindex: -1, disabled: Boolean(disabled), onclick: choose(act) },
            el("span", {}, label),
            hint && el("small", {}, hint),
          ),
        ),
      );
      list.hidden = false;
      list.style.maxHeight = "";
      place(list, button);
      button.setAttribute("aria-expanded", "true");
      list.querySelector("[role=menuitem]:not([disabled])")?.focus();
    };
    button.addEventListener("click", () => (list.hidden ? open() : close(true)));
    list.addEventListener("keydown", (event) => {
      moveFocus(list, event);
      if (event.key !== "Escape" && event.key !== "Tab") return;
      event.stopPropagation();
      close(event.key === "Escape");
    });
    list.addEventListener("focusout", (event) => {
      if (!list.contains(event.relatedTarget) && event.relatedTarget !== button) close(false);
    });
    return { close };
  };

  function shelf() {
    let node = document.querySelector(".toasts");
    if (!node) document.body.append((node = el("div", { class: "toasts", role: "region", "aria-label": "Messages" })));
    return node;
  }

  // kind: "info" or "problem". action: { label, act }. Problems stay until they are closed.
  studio.toast = (message, { kind = "info", remedy = "", action = null } = {}) => {
    const gone = () => node.remove();
    const act = () => {
      gone();
      action.act();
    };
    const node = el(
      "div",
      { class: `toast ${kind}`, role: kind === "problem" ? "alert" : "status" },
      icon(kind === "problem" ? "alert" : "info"),
      el("p", {}, el("strong", {}, message), remedy ? ` ${remedy}` : ""),
      action && el("button", { type: "button", class: "quiet", onclick: act }, action.label),
      studio.iconButton("close", "Close this message", gone),
    );
    shelf().append(node);
    setTimeout(gone, kind === "problem" ? 20_000 : 7_000);
    return gone;
  };
})();
