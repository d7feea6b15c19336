// Sound that is on disk, through the browser's own player: it reads as much as it needs, so an hour costs no memory.
function makeFileSound(url, seconds) {
  const audio = new Audio();
  audio.preload = "auto";
  audio.src = url;
  let wanted = 0; // where to begin, until the file is known well enough to go there
  audio.addEventListener("error", () => {
    if (audio.src)
      studio.emit("problem", {
        message: "This take cannot be played.",
        remedy: "Its file may be gone; speak the script again.",
      });
  });

  return {
    live: false,
    pump() {},
    play(from) {
      wanted = from;
      audio.currentTime = from;
      audio.play().catch(
        (error) =>
          error.name !== "AbortError" &&
          studio.emit("problem", {
            message: "The browser did not start the sound.",
            remedy: "Press play once more.",
          }),
      );
    },
    pause() {
      audio.pause();
      wanted = audio.currentTime;
    },
    release() {
      audio.pause();
      audio.removeAttribute("src");
    },
    get playing() {
      return !audio.paused && !audio.ended;
    },
    get ended() {
      return audio.ended;
    },
    get seconds() {
      return seconds;
    },
    get position() {
      return audio.readyState ? audio.currentTime : wanted;
    },
    seek(to) {
      wanted = to;
      audio.currentTime = to;
    },
  };
}
