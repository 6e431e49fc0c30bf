// The search narrows the list of tasks while it is typed; without scripts, when it is sent.
const field = document.getElementById("q");
const tiles = [...document.querySelectorAll(".tile")];
const told = document.getElementById("found");

function narrow() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const tile of tiles) {
    const text = tile.dataset.words.toLowerCase();
    tile.hidden = !words.every((word) => text.includes(word));
    count += tile.hidden ? 0 : 1;
  }
  for (const group of document.querySelectorAll(".task-group")) {
    group.hidden = !group.querySelector(".tile:not([hidden])");
  }
  document.getElementById("none").hidden = count > 0 || tiles.length === 0;
  told.textContent = words.length ? `${count} of ${tiles.length} tasks` : "";
}

field.addEventListener("input", narrow);

// Typed while this was still loading.
if (field.value) narrow();
