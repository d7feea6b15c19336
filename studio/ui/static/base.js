// What every part of the page shares: a bus, builders for the DOM, words for time, and what the browser keeps.
// It knows no part of the page. It runs once, in the document's head, before any component.
window.studio = (() => {
  const bus = new EventTarget();
  const on = (name, hear) => bus.addEventListener(name, (event) => hear(event.detail));
  const emit = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));

  // Icons are strokes on a 20 by 20 grid, drawn in the colour of the text around them.
  const STROKES = {
    play: "M6.5 4.2v11.6L15.8 10z",
    pause: "M7 4.5v11M13 4.5v11",
    stop: "M5.5 5.5h9v9h-9z",
    previous: "M14.5 4.8v10.4L7 10zM5 4.8v10.4",
    next: "M5.5 4.8v10.4L13 10zM15 4.8v10.4",
    voice: "M3 8.5v3M6.5 6v8M10 3.5v13M13.5 6.5v7M17 8.5v3",
    plus: "M10 4v12M4 10h12",
    close: "M5 5l10 10M15 5L5 15",
    trash: "M4 6h12M8 6V4h4v2M5.5 6l.8 10h7.4l.8-10M8.5 9v4.5M11.5 9v4.5",
    timer: "M10 6v4.2l2.6 1.6M10 3.2a6.8 6.8 0 1 1 0 13.6a6.8 6.8 0 0 1 0-13.6z",
    undo: "M7.5 5L4 8.5 7.5 12M4.5 8.5H12a4 4 0 0 1 0 8H8.5",
    redo: "M12.5 5L16 8.5 12.5 12M15.5 8.5H8a4 4 0 0 0 0 8h3.5",
    down: "M10 3.5v9.5M6 9.5l4 4 4-4M4 16.5h12",
    up: "M10 13.5V4M6 7.5l4-4 4 4M4 16.5h12",
    chevron: "M6 8l4 4 4-4",
    dice: "M4 4h12v12H4zM7.2 7.2v.01M12.8 12.8v.01M12.8 7.2v.01M7.2 12.8v.01M10 10v.01",
    sun: "M10 6.8a3.2 3.2 0 1 1 0 6.4a3.2 3.2 0 0 1 0-6.4zM10 2v1.6M10 16.4V18M2 10h1.6M16.4 10H18M4.4 4.4l1.1 1.1M14.5 14.5l1.1 1.1M15.6 4.4l-1.1 1.1M5.5 14.5l-1.1 1.1",
    moon: "M16 11.8A6.5 6.5 0 0 1 8.2 4a6.5 6.5 0 1 0 7.8 7.8z",
    keys: "M2.5 5.5h15v9h-15zM5.5 8.5v.01M8.5 8.5v.01M11.5 8.5v.01M14.5 8.5v.01M7 11.5h6",
    copy: "M7.5 7.5h8.5v8.5H7.5zM12.5 7.5V4H4v8.5h3.5",
    check: "M4.5 10.5l3.5 3.5 7.5-8",
    alert: "M10 3.5l7.5 13h-15zM10 8.5v3.5M10 14.2v.01",
    info: "M10 3.2a6.8 6.8 0 1 1 0 13.6a6.8 6.8 0 0 1 0-13.6zM10 9.2v4.3M10 6.6v.01",
    page: "M5.5 3h6l3.5 3.5V17h-9.5zM11.5 3v3.5H15M8 10h4.5M8 13h4.5",
    mic: "M10 3a2.4 2.4 0 0 1 2.4 2.4v4a2.4 2.4 0 0 1-4.8 0v-4A2.4 2.4 0 0 1 10 3zM5.5 9.2a4.5 4.5 0 0 0 9 0M10 13.7V17M7.5 17h5",
    star: "M10 3.4l2 4.3 4.7.5-3.5 3.2 1 4.6L10 13.7 5.8 16l1-4.6L3.3 8.2 8 7.7z",
    loop: "M13.5 5.5H7A3.5 3.5 0 0 0 3.5 9v1M6.5 14.5H13a3.5 3.5 0 0 0 3.5-3.5v-1M11.5 3.5l2 2-2 2M8.5 12.5l-2 2 2 2",
    search: "M8.8 3.8a5 5 0 1 1 0 10a5 5 0 0 1 0-10zM12.6 12.6L16.5 16.5",
    more: "M5 10v.01M10 10v.01M15 10v.01",
    pen: "M4 16l.8-3.4L13 4.4l2.6 2.6-8.2 8.2L4 16zM11.5 6l2.6 2.6",
  };

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 20 20");
    svg.setAttribute("class", "icon icon-" + name);
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", STROKES[name]);
    svg.append(path);
    return svg;
  }

  // el("button", { class: "quiet", onclick: f, "aria-label": "Undo" }, icon("undo"))
  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value != null) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child != null));
    return node;
  }

  function iconButton(name, label, onclick, attributes = {}) {
    return el(
      "button",
      { type: "button", class: "tool", "aria-label": label, title: label, onclick, ...attributes },
      icon(name),
    );
  }

  // Fills every <i data-icon="play"> of a template with its drawing.
  function drawIcons(root) {
    for (const spot of root.querySelectorAll("[data-icon]")) spot.replaceWith(icon(spot.dataset.icon));
  }

  const clock = (seconds) => {
    const whole = Math.max(0, Math.round(seconds));
    const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const two = (number) => String(number).padStart(2, "0");
    return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  };

  const plural = (count, one, many = one + "s") => `${count} ${count === 1 ? one : many}`;

  // A moment as the server keeps it, in the hours of whoever looks.
  const times = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const days = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
  function when(moment) {
    const date = new Date(moment);
    const today = new Date().toDateString() === date.toDateString();
    return today ? times.format(date) : `${days.format(date)}, ${times.format(date)}`;
  }

  function later(wait, act) {
    let timer = null;
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(() => soon.now(), wait);
    };
    soon.now = () => {
      clearTimeout(timer);
      timer = null;
      act();
    };
    soon.flush = () => timer !== null && soon.now();
    return soon;
  }

  const isTyping = (target) => {
    if (!target || !target.tagName) return false;
    if (target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT") return true;
    return target.tagName === "INPUT" && !["button", "checkbox", "radio"].includes(target.type);
  };

  const randomId = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  // localStorage may be refused (private windows, a full disk): the page then works without memory.
  const memory = {
    read(key) {
      try {
        return JSON.parse(localStorage.getItem(key));
      } catch {
        return null;
      }
    },
    write(key, value) {
      try {
        localStorage.setItem(key, JSON.stringify(value));
        return true;
      } catch {
        return false;
      }
    },
  };

  function download(blob, name) {
    const url = URL.createObjectURL(blob);
    const link = el("a", { href: url, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 30_000);
  }

  return { on, emit, el, icon, iconButton, drawIcons, clock, plural, when, later, isTyping, randomId, memory, download };
})();
