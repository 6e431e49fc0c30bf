// The search narrows the list of tasks while it is typed; without scripts, when it is sent.
import { fill, gettext } from "./words.js";

const field = document.getElementById("q");
const tiles = [...document.querySelectorAll(".tile")];
const told = document.getElementById("found");
// A favourite stands twice: among the favourites, and in its group.
const addressOf = (tile) => tile.querySelector("a").href;
const every = new Set(tiles.map(addressOf)).size;

function narrow() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = new Set();
  for (const tile of tiles) {
    const text = tile.dataset.words.toLowerCase();
    tile.hidden = !words.every((word) => text.includes(word));
    if (!tile.hidden) shown.add(addressOf(tile));
  }
  for (const group of document.querySelectorAll(".task-group")) {
    group.hidden = !group.querySelector(".tile:not([hidden])");
  }
  document.getElementById("none").hidden = shown.size > 0 || every === 0;
  told.textContent = words.length ? fill(gettext("%(count)s of %(every)s tasks"), { count: shown.size, every }) : "";
}

field.addEventListener("input", narrow);

// Typed while this was still loading.
if (field.value) narrow();
