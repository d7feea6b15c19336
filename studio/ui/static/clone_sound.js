// What is heard of the open recording: the original or what was made of it, a stretch of it, once or over and over.
// Positions are seconds of the original.
function makeCloneSound() {
  const sound = { original: null, prepared: null, from: 0 }; // from: where the prepared begins in the original
  let context = null;
  let node = null;
  let begun = null; // { at: context time, position, from, to, loop, which }
  let rest = 0;

  // The browser resamples to this context's rate while it decodes; needs no permission to sound.
  async function decode(url) {
    const answer = await fetch(url);
    if (!answer.ok) throw { message: "The sound did not arrive.", remedy: "Try again." };
    return new OfflineAudioContext(1, 1, 48000).decodeAudioData(await answer.arrayBuffer());
  }

  function position() {
    if (!begun) return rest;
    const gone = begun.position + context.currentTime - begun.at;
    const length = begun.to - begun.from;
    return begun.loop ? begun.from + ((((gone - begun.from) % length) + length) % length) : Math.min(gone, begun.to);
  }

  function pause() {
    rest = position();
    begun = null;
    node?.stop();
    node = null;
  }

  function play({ from, to, at = from, loop = false, which = "original" }) {
    const buffer = sound[which];
    if (!buffer) return;
    pause();
    studio.sounds("clone");
    context ||= new AudioContext();
    context.resume();
    const shift = which === "prepared" ? sound.from : 0;
    const [first, last] = [Math.max(from, shift), Math.min(to, shift + buffer.duration)];
    if (last - first < 0.01) return;
    const start = at >= first && at < last - 0.01 ? at : first;
    const mine = (node = new AudioBufferSourceNode(context, {
      buffer,
      loop,
      loopStart: first - shift,
      loopEnd: last - shift,
    }));
    mine.connect(context.destination);
    if (loop) mine.start(0, start - shift);
    else mine.start(0, start - shift, last - start);
    begun = { at: context.currentTime, position: start, from: first, to: last, loop, which };
    mine.onended = () => {
      if (node !== mine) return;
      [begun, node, rest] = [null, null, from];
      studio.emit("clone sound");
    };
    studio.emit("clone sound");
  }

  studio.on("hush", (who) => {
    if (who === "clone" || !begun) return;
    pause();
    studio.emit("clone sound");
  });

  return {
    decode,
    play,
    pause,
    set(part) {
      Object.assign(sound, part);
    },
    seek: (to) => (rest = to),
    get original() {
      return sound.original;
    },
    get prepared() {
      return sound.prepared;
    },
    get playing() {
      return Boolean(begun);
    },
    get position() {
      return position();
    },
  };
}
