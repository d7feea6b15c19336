// The picture of the sound: bars in the colour of who speaks, a mark for every turn, a line where we are.
const LIVE_PEAKS_PER_SECOND = 20;

function makeWave(root, { seek, playTurn }) {
  const canvas = root.querySelector("canvas");
  const strip = root.querySelector(".dock-turns");
  const brush = canvas.getContext("2d");
  let colours = [];
  let loudest = 0.3; // the picture fills its height, except for what is quiet throughout
  let view = { reading: null, peaks: [], rate: LIVE_PEAKS_PER_SECOND, total: 0, position: 0 };

  function readColours() {
    const style = getComputedStyle(root);
    const value = (name) => style.getPropertyValue(name).trim();
    colours = [...Array(studio.desk.COLOURS).keys()].map((index) => value(`--s${index}`));
    colours.line = value("--line-strong");
    colours.ink = value("--ink");
  }

  function colourAt(seconds) {
    const turn = view.reading?.turnAt(seconds);
    return turn == null ? colours.line : colours[studio.desk.colourOf(view.reading.speakerOf(turn))];
  }

  function loudness(from, to) {
    const first = Math.floor(from * view.rate);
    const last = Math.max(first + 1, Math.ceil(to * view.rate));
    let peak = 0;
    for (let i = first; i < last && i < view.peaks.length; i++) peak = Math.max(peak, view.peaks[i]);
    return (peak / loudest) ** 1.3; // speech is mostly loud: lets its waves be seen
  }

  function draw() {
    const { width, height } = canvas;
    const scale = window.devicePixelRatio || 1;
    const [pitch, thick, middle] = [3 * scale, 2 * scale, height / 2];
    brush.clearRect(0, 0, width, height);
    if (!view.total) return;
    for (let x = 0; x < width; x += pitch) {
      const from = (x / width) * view.total;
      const to = ((x + pitch) / width) * view.total;
      const tall = Math.max(scale * 1.5, loudness(from, to) * height * 0.94);
      brush.fillStyle = colourAt((from + to) / 2);
      brush.globalAlpha = to <= view.position ? 1 : 0.42;
      brush.fillRect(x, middle - tall / 2, thick, tall);
    }
    brush.globalAlpha = 1;
    brush.fillStyle = colours.ink;
    brush.fillRect(Math.min(width - scale, (view.position / view.total) * width), 0, 1.5 * scale, height);
  }

  function marks() {
    const { reading, total } = view;
    if (!reading || !total) return strip.replaceChildren();
    const nodes = reading.spans.flatMap((span, turn) => {
      if (!span) return [];
      const node = studio.el("button", {
        type: "button",
        tabindex: -1,
        class: "mark",
        "data-turn": turn,
        "data-colour": studio.desk.colourOf(reading.speakerOf(turn)),
      });
      node.title = `${reading.speakerOf(turn)}: ${reading.textOf(turn).slice(0, 80)}`;
      node.style.left = `${(span.start / total) * 100}%`;
      node.style.width = `${Math.max(0.2, ((Math.min(span.end, total) - span.start) / total) * 100)}%`;
      return [node];
    });
    strip.replaceChildren(...nodes);
  }

  function fit() {
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * scale));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * scale));
    draw();
  }

  const secondsAt = (event) => {
    const box = canvas.getBoundingClientRect();
    return (Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) || 0) * view.total;
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!view.total) return;
    canvas.setPointerCapture(event.pointerId);
    seek(secondsAt(event));
  });
  canvas.addEventListener("pointermove", (event) => event.buttons && view.total && seek(secondsAt(event)));
  strip.addEventListener("click", (event) => event.target.dataset.turn && playTurn(Number(event.target.dataset.turn)));
  new ResizeObserver(fit).observe(canvas);
  studio.on("theme", () => {
    readColours();
    draw();
  });
  readColours();

  return {
    show(part) {
      view = { ...view, ...part };
      if (part.peaks) loudest = part.peaks.reduce((most, peak) => Math.max(most, peak), 0.3);
      if ("reading" in part || "total" in part) marks();
      draw();
    },
    light(turn) {
      for (const node of strip.children) node.classList.toggle("sounding", Number(node.dataset.turn) === turn);
    },
  };
}

// Loudness of live pieces as they come, in the same form as the server gives it for files.
function makeMeter(rate) {
  const step = Math.round(rate / LIVE_PEAKS_PER_SECOND);
  const peaks = [];
  let [count, peak] = [0, 0];
  return {
    peaks,
    hear(pcm) {
      for (const sample of pcm) {
        peak = Math.max(peak, Math.abs(sample));
        if (++count < step) continue;
        peaks.push(peak / 32768);
        [count, peak] = [0, 0];
      }
    },
  };
}
