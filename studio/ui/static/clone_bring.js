// Bringing a recording: a file, or what the microphone hears. What comes is added to the voice that is being made.
function tellProblem(problem) {
  const node = part(".clone-problem");
  node.hidden = !problem;
  if (problem)
    node.replaceChildren(
      studio.icon("alert"),
      el("span", {}, el("strong", {}, problem.message), ` ${problem.remedy || ""}`),
    );
}

async function bring(files) {
  for (const file of files) await bringOne(file);
}

async function bringOne(file) {
  const bar = part(".bring-progress");
  const [progress, words] = [bar.querySelector("progress"), bar.querySelector(".stock-words")];
  tellProblem(null);
  bar.hidden = false;
  progress.removeAttribute("value");
  words.textContent = `Bringing ${file.name} …`;
  let stop = () => {};
  bar.querySelector("button").onclick = () => stop();
  try {
    const source = await studio.send(file, {
      most: setup.most_bytes,
      tell: (done, total) => {
        [progress.max, progress.value] = [total, done];
        words.textContent =
          done < total ? `${studio.stock.amount(done)} of ${studio.stock.amount(total)}` : "Opening it …";
      },
      stopped: (abort) => (stop = abort),
    });
    progress.removeAttribute("value");
    words.textContent = "Opening it …";
    const recording = await add(source);
    bar.hidden = true;
    await openRecording(recording);
  } catch (problem) {
    if (!problem.stopped) tellProblem(problem);
  }
  bar.hidden = true;
}

let recorder = null;
async function record() {
  tellProblem(null);
  const [time, level, told] = [part(".recorder-time"), part(".recorder-level"), part(".recorder-told")];
  const end = (act) => {
    const done = recorder[act]();
    recorder = null;
    part(".recorder").hidden = true;
    part(".bring-actions").hidden = false;
    part(".bring-record").focus();
    return done;
  };
  try {
    editor.stop();
    studio.sounds("microphone");
    recorder = await startRecording({
      rate: setup.rate,
      most: setup.most_recorded_seconds,
      full: () => recorder && bringOne(end("stop")),
      tell(seconds, loud) {
        const percent = Math.round(100 * Math.min(1, loud));
        time.textContent = `${studio.clock(seconds)} of ${studio.clock(setup.most_recorded_seconds)}`;
        level.firstElementChild.style.width = `${percent}%`;
        level.dataset.loud = String(loud > 0.97);
        level.setAttribute("aria-valuenow", percent);
        const words =
          loud > 0.97 ? "Too loud: go further away." : seconds < 5 ? "5 to 10 seconds are best." : "Long enough.";
        if (told.textContent !== words) told.textContent = words;
      },
    });
  } catch (problem) {
    return tellProblem(
      problem.message ? { remedy: "", ...problem, message: problem.message } : { message: "The microphone failed." },
    );
  }
  part(".bring-actions").hidden = true;
  part(".recorder").hidden = false;
  part(".recorder-stop").onclick = () => bringOne(end("stop"));
  part(".recorder-cancel").onclick = () => end("cancel");
  part(".recorder-stop").focus();
}
