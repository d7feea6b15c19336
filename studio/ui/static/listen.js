// The page at a link: what the parts of a listening test want from the page around them, and nothing more.
const element = document.querySelector(".listen");
const root = element.querySelector(".compare");
const part = (name) => element.querySelector(name);
const { el, iconButton, plural, clock } = studio;
const view = () => root.dataset.view;
const token = location.pathname.split("/").pop();
const KEYS = "dialogue-studio-listening"; // nickname -> the secret that the studio gave this browser
let me = { name: "", key: "" };

studio.sounds = () => {};

// Asks the studio; on a line that breaks now and then, once more.
studio.ask = async (name, payload = {}, again = 1) => {
  let answer;
  try {
    answer = await fetch(`${token}/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...payload, key: payload.key ?? me.key }),
    });
  } catch {
    if (again) return new Promise((done) => setTimeout(done, 700)).then(() => studio.ask(name, payload, again - 1));
    throw { message: "The studio cannot be reached.", remedy: "Is it still running? Try again: nothing is lost." };
  }
  const told = await answer.json().catch(() => ({ error: { message: "The studio gave no answer.", remedy: "Try again." } }));
  if (told.error) throw told.error;
  return told;
};

function setView(name) {
  root.dataset.view = name;
  part(".listen-start-view").hidden = name !== "start";
  part(".compare-blind-view").hidden = name !== "blind";
  part(".compare-rate-view").hidden = name !== "rate";
  part(".compare-problem").hidden = true;
}

async function attempt(act) {
  part(".compare-problem").hidden = true;
  try {
    await act();
  } catch (problem) {
    if (!problem.message) throw problem;
    const box = part(".compare-problem");
    box.textContent = `${problem.message} ${problem.remedy || ""}`;
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
  }
}
