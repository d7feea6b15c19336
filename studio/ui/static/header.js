// The top of the page: light or dark, and the keys.
const { el } = studio;
const KEY = "dialogue-studio-theme";
const body = document.body;
const isDark = () => body.classList.contains("dark");
const button = element.querySelector(".theme");

function show() {
  const words = isDark() ? "Light" : "Dark";
  button.replaceChildren(studio.icon(isDark() ? "sun" : "moon"));
  button.setAttribute("aria-label", `${words} theme`);
  button.title = `${words} theme`;
  studio.emit("theme");
}

const chosen = studio.memory.read(KEY);
if (chosen && !new URLSearchParams(location.search).has("__theme")) body.classList.toggle("dark", chosen === "dark");
button.addEventListener("click", () => {
  body.classList.toggle("dark");
  studio.memory.write(KEY, isDark() ? "dark" : "light");
  show();
});

const KEYS = [
  ["Enter", "a new turn by the next speaker"],
  ["Backspace", "at the beginning: join with the turn before"],
  ["Alt + S", "the next speaker says this turn"],
  ["Alt + Up, Down", "move the turn"],
  ["Alt + P", "set the pause after the turn"],
  ["Alt + Enter", "hear the turn"],
  ["Alt + Backspace", "delete the turn"],
  ["Ctrl + Z, Ctrl + Shift + Z", "undo, redo"],
  ["Ctrl + Enter", "speak, or stop"],
  ["Escape", "leave the script; then the keys below work"],
  ["Space", "play, pause"],
  ["Left, Right", "back, forward by two seconds; with Shift by a turn"],
];
const dialog = element.querySelector("dialog");
const mac = /Mac|iPhone|iPad/.test(navigator.platform);
const named = (keys) => (mac ? keys.replace("Ctrl", "⌘").replace("Alt", "⌥") : keys);
dialog
  .querySelector("dl")
  .append(...KEYS.flatMap(([keys, what]) => [el("dt", {}, el("kbd", {}, named(keys))), el("dd", {}, what)]));
element.querySelector(".keys").addEventListener("click", () => dialog.showModal());
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
studio.drawIcons(element);
show();
