// The picture of a recording with two handles on it: what lies between them is kept. Mouse, finger and keyboard.
const LEAST_CUT = 0.3; // seconds between the handles

function makeCloneWave(root, { change, settle, hear }) {
  const canvas = root.querySelector("canvas");
  const handles = [...root.querySelectorAll(".cut-handle")];
  const shade = [...root.querySelectorAll(".cut-shade")];
  const hint = root.querySelector(".cut-hint");
  const brush = canvas.getContext("2d");
  let colours = {};
  let view = { from: 0, to: 1 };
  let told = { buffer: null, seconds: 0, cut: [0, 0], speech: [], trim: null, position: 0 };
  let peaks = [];

  function readColours() {
    const style = getComputedStyle(root);
    for (const name of ["accent", "line-strong", "ink", "line"])
      colours[name] = style.getPropertyValue(`--${name}`).trim();
  }

  // The loudest sample below each bar, of what is in view.
  function measure() {
    const { buffer } = told;
    const bars = Math.max(1, Math.floor(canvas.clientWidth / 3));
    if (!buffer) return (peaks = []);
    const data = buffer.getChannelData(0);
    const rate = buffer.sampleRate;
    const step = ((view.to - view.from) * rate) / bars;
    const stride = Math.max(1, Math.floor(step / 400));
    peaks = Array.from({ length: bars }, (_, bar) => {
      let peak = 0;
      const last = Math.min(data.length, Math.floor(view.from * rate + (bar + 1) * step));
      for (let i = Math.floor(view.from * rate + bar * step); i < last; i += stride)
        peak = Math.max(peak, Math.abs(data[i]));
      return peak;
    });
  }

  const placeOf = (seconds) => (seconds - view.from) / (view.to - view.from);
  const percent = (seconds) => `${Math.min(1, Math.max(0, placeOf(seconds))) * 100}%`;

  function draw() {
    const { width, height } = canvas;
    const scale = window.devicePixelRatio || 1;
    brush.clearRect(0, 0, width, height);
    if (!told.seconds) return;
    const loudest = Math.max(0.08, ...peaks);
    const middle = (height - 8 * scale) / 2;
    peaks.forEach((peak, bar) => {
      const at = view.from + ((bar + 0.5) / peaks.length) * (view.to - view.from);
      const isIn = at >= told.cut[0] && at <= told.cut[1];
      brush.fillStyle = isIn ? colours.accent : colours["line-strong"];
      brush.globalAlpha = isIn && at > told.position ? 0.55 : 1;
      const tall = Math.max(1.5 * scale, (peak / loudest) ** 0.9 * middle * 1.9);
      brush.fillRect((bar / peaks.length) * width, middle - tall / 2, 2 * scale, tall);
    });
    brush.globalAlpha = 1;
    brush.fillStyle = colours["line-strong"]; // where somebody speaks
    for (const [from, to] of told.speech)
      brush.fillRect(placeOf(from) * width, height - 3 * scale, (placeOf(to) - placeOf(from)) * width, 2 * scale);
    brush.fillStyle = colours.ink;
    brush.fillRect(placeOf(told.position) * width, 0, 1.5 * scale, height - 6 * scale);
  }

  function place() {
    const [from, to] = told.cut;
    handles.forEach((handle, end) => {
      const now = told.cut[end];
      handle.style.left = percent(now);
      handle.hidden = placeOf(now) < -0.001 || placeOf(now) > 1.001;
      handle.setAttribute("aria-valuemax", told.seconds.toFixed(2));
      handle.setAttribute("aria-valuenow", now.toFixed(2));
      handle.setAttribute("aria-valuetext", `${now.toFixed(2)} seconds; ${(to - from).toFixed(1)} seconds are kept`);
    });
    shade[0].style.width = percent(from);
    shade[1].style.left = percent(to);
    hint.hidden = !told.trim || (Math.abs(told.trim[0] - from) < 0.02 && Math.abs(told.trim[1] - to) < 0.02);
    if (hint.hidden) return;
    hint.style.left = percent(told.trim[0]);
    hint.style.width = `calc(${percent(told.trim[1])} - ${percent(told.trim[0])})`;
  }

  function show(part = {}) {
    const isNew = "buffer" in part && part.buffer !== told.buffer;
    told = { ...told, ...part };
    if (isNew) view = { from: 0, to: told.seconds || 1 };
    if (isNew) measure();
    if ("cut" in part || "trim" in part || isNew) place();
    draw();
  }

  function zoom(isNear) {
    const [from, to] = told.cut;
    const room = 0.12 * (to - from);
    view = isNear
      ? { from: Math.max(0, from - room), to: Math.min(told.seconds, to + room) }
      : { from: 0, to: told.seconds };
    measure();
    place();
    draw();
  }

  function move(end, to) {
    const cut = [...told.cut];
    const [low, high] = end ? [cut[0] + LEAST_CUT, told.seconds] : [0, cut[1] - LEAST_CUT];
    cut[end] = Math.round(Math.min(high, Math.max(low, to)) * 1000) / 1000;
    change(cut);
  }

  const secondsAt = (event) => {
    const box = canvas.getBoundingClientRect();
    const place = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    return view.from + place * (view.to - view.from);
  };

  handles.forEach((handle, end) => {
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture(event.pointerId);
      handle.dataset.held = "true";
    });
    handle.addEventListener("pointermove", (event) => handle.dataset.held && move(end, secondsAt(event)));
    for (const over of ["pointerup", "pointercancel"])
      handle.addEventListener(over, () => {
        if (!handle.dataset.held) return;
        delete handle.dataset.held;
        settle();
      });
    handle.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 20, PageDown: -20 }[event.key];
      const to = { Home: 0, End: told.seconds }[event.key];
      if (event.ctrlKey || event.metaKey || event.altKey || (by === undefined && to === undefined)) return;
      event.preventDefault();
      event.stopPropagation();
      move(end, to ?? told.cut[end] + by * (event.shiftKey ? 0.5 : 0.05));
      settle();
    });
  });

  // A click listens from there; a stroke over the picture chooses a stretch.
  let stroke = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (!told.seconds || event.button) return;
    canvas.setPointerCapture(event.pointerId);
    stroke = { x: event.clientX, at: secondsAt(event), isOne: false };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke) return;
    stroke.isOne ||= Math.abs(event.clientX - stroke.x) > 6;
    const ends = [stroke.at, secondsAt(event)].sort((a, b) => a - b);
    if (stroke.isOne && ends[1] - ends[0] >= LEAST_CUT) change(ends.map((end) => Math.round(end * 1000) / 1000));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!stroke) return;
    const { isOne } = stroke;
    stroke = null;
    if (isOne) settle();
    else hear(secondsAt(event));
  });
  canvas.addEventListener("pointercancel", () => (stroke = null));

  function fit() {
    const scale = window.devicePixelRatio || 1;
    if (!canvas.clientWidth) return;
    canvas.width = Math.round(canvas.clientWidth * scale);
    canvas.height = Math.round(canvas.clientHeight * scale);
    measure();
    draw();
  }
  new ResizeObserver(fit).observe(canvas);
  studio.on("theme", () => {
    readColours();
    draw();
  });
  readColours();
  return { show, zoom };
}
