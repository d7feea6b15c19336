// The microphone: what it hears becomes a WAV of 16 bits, mono, made here.
const RECORDER = `registerProcessor("recorder", class extends AudioWorkletProcessor {
  process([[samples]]) {
    if (samples) this.port.postMessage(samples.slice());
    return true;
  }
});`;

function toWav(pieces, rate) {
  const count = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const bytes = new DataView(new ArrayBuffer(44 + 2 * count));
  const text = (at, letters) => [...letters].forEach((letter, i) => bytes.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  bytes.setUint32(4, 36 + 2 * count, true);
  text(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, 2 * rate, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  text(36, "data");
  bytes.setUint32(40, 2 * count, true);
  let at = 44;
  for (const piece of pieces)
    for (const sample of piece) {
      bytes.setInt16(at, Math.round(Math.min(1, Math.max(-1, sample)) * 32767), true);
      at += 2;
    }
  return bytes.buffer;
}

const REFUSALS = {
  NotAllowedError: [
    "The browser may not use the microphone.",
    "Allow it beside the address of this page, then try again.",
  ],
  NotFoundError: ["There is no microphone.", "Plug one in, or choose a file."],
  NotReadableError: ["The microphone is in use elsewhere.", "Close the other program, then try again."],
};

// Begins to record. Gives { stop, cancel }; `tell(seconds, level)` is called while it runs, `full` when it must end.
async function startRecording({ rate, most, tell, full }) {
  if (!navigator.mediaDevices?.getUserMedia)
    throw {
      message: "The browser gives the microphone only to pages on this computer or over https.",
      remedy: "Open the studio that way, or choose a file.",
    };
  const wanted = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: wanted }).catch((error) => {
    const [message, remedy] = REFUSALS[error.name] || ["The microphone cannot be used.", `${error.message}.`];
    throw { message, remedy };
  });
  const context = new AudioContext({ sampleRate: rate });
  const address = URL.createObjectURL(new Blob([RECORDER], { type: "text/javascript" }));
  await context.audioWorklet.addModule(address);
  URL.revokeObjectURL(address);
  const pieces = [];
  let [count, level, isOver] = [0, 0, false];
  const ear = new AudioWorkletNode(context, "recorder", {
    numberOfOutputs: 0,
    channelCount: 1,
    channelCountMode: "explicit",
  });
  context.createMediaStreamSource(stream).connect(ear);
  ear.port.onmessage = ({ data }) => {
    if (isOver) return;
    pieces.push(data);
    count += data.length;
    level = data.reduce((most, sample) => Math.max(most, Math.abs(sample)), level * 0.93);
    if (count >= most * rate) full();
  };
  const timer = setInterval(() => tell(count / rate, level), 60);
  function end() {
    isOver = true;
    clearInterval(timer);
    stream.getTracks().forEach((track) => track.stop());
    context.close();
  }
  return {
    cancel: end,
    stop() {
      end();
      const when = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }).replace(/\W/g, ".");
      return new File([toWav(pieces, rate)], `Recorded at ${when}.wav`, { type: "audio/wav" });
    },
  };
}
