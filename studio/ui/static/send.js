// A file on its way to the studio: refused here when it is too large, with how far it is, and stopped when told to.
// Part of the document's head.
studio.send = (file, { most, tell = () => {}, stopped = () => {} }) =>
  new Promise((done, fail) => {
    if (file.size > most) {
      const [size, limit] = [file.size, most].map((bytes) => `${Math.ceil(bytes / 1e6)} MB`);
      return fail({
        message: `${file.name} has ${size}; at most ${limit} are taken.`,
        remedy: "Cut out the part you need.",
      });
    }
    if (!file.size) return fail({ message: `${file.name} is empty.`, remedy: "Choose another file." });
    const call = new XMLHttpRequest();
    const lost = () =>
      fail({ message: `${file.name} did not arrive.`, remedy: "Check that the studio still runs, then try again." });
    stopped(() => call.abort());
    call.upload.onprogress = ({ loaded, total }) => tell(loaded, total);
    call.onerror = lost;
    call.onabort = () => fail({ stopped: true });
    call.onload = () => {
      if (call.status === 413)
        return fail({ message: `${file.name} is too large.`, remedy: "Cut out the part you need." });
      if (call.status !== 200) return lost();
      done({ path: JSON.parse(call.responseText)[0], name: file.name });
    };
    const form = new FormData();
    form.append("files", file);
    call.open("POST", "gradio_api/upload");
    call.send(form);
  });

// Lets files be dropped on a node. `take` gets them; other things that are dragged are left alone.
studio.acceptFiles = (node, take) => {
  let depth = 0;
  const hasFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  const mark = (by) => node.toggleAttribute("data-dropping", (depth = Math.max(0, depth + by)) > 0);
  node.addEventListener("dragenter", (event) => hasFiles(event) && mark(1));
  node.addEventListener("dragleave", (event) => hasFiles(event) && mark(-1));
  node.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  node.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.stopPropagation();
    mark(-depth);
    take([...event.dataTransfer.files]);
  });
};

// One voice at a time: whoever begins to sound says so, and the others fall silent.
studio.sounds = (who) => {
  studio.player?.pause();
  studio.emit("hush", who);
};
studio.on("sounding", (turn) => turn != null && studio.emit("hush", "dock"));
