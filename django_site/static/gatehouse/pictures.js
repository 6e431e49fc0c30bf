// Pictures of a job, one at a time: arrows lead to the next, Escape back. Without scripts each is a link.
import { fill, gettext } from "./words.js";

let dialog = null;
let at = 0;

const links = () => [...document.querySelectorAll("a[data-picture]")];

function button(words, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button secondary small";
  made.textContent = words;
  made.addEventListener("click", act);
  return made;
}

function build() {
  dialog = document.createElement("dialog");
  dialog.className = "viewer";
  dialog.setAttribute("aria-label", gettext("Picture"));
  const picture = document.createElement("img");
  const words = document.createElement("p");
  words.setAttribute("role", "status");
  const keep = document.createElement("a");
  keep.className = "button secondary small";
  keep.textContent = gettext("Download");
  keep.download = "";
  const row = document.createElement("div");
  row.className = "actions";
  row.append(button(gettext("Previous"), () => step(-1)), button(gettext("Next"), () => step(1)), keep, button(gettext("Close"), () => dialog.close()));
  dialog.append(picture, words, row);
  dialog.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) step(by);
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
}

function step(by) {
  const all = links();
  if (!all.length) return dialog.close();
  at = (at + by + all.length) % all.length;
  const { href, dataset } = all[at];
  const [picture, words] = dialog.children;
  picture.src = href;
  picture.alt = dataset.picture;
  words.textContent = `${dataset.picture} · ${fill(gettext("%(at)s of %(every)s"), { at: at + 1, every: all.length })}`;
  dialog.querySelector("a").href = href;
  return undefined;
}

// What is no picture, whatever its name says, is a name only. One that did not come is fetched again.
const TRIES = 8;
const AGAIN_MS = 2_000;

async function isAway(address) {
  try {
    const { status } = await fetch(address, { method: "HEAD", credentials: "same-origin" });
    return status >= 500 || status === 429;
  } catch {
    return true;
  }
}

// An error is told twice of what failed as this script came: by the browser, and by its first look.
const underWay = new WeakSet();
const none = new WeakMap(); // those that are no picture, and the address that said so

async function lacksPicture(image) {
  if (underWay.has(image)) return;
  underWay.add(image);
  const { src } = image;
  const tries = Number(image.dataset.tries ?? 0) + 1;
  image.dataset.tries = tries;
  // The first time it may have been cut off on its way, by a server that is there again since.
  const isNone = tries > TRIES || (tries > 1 && !(await isAway(src)));
  if (isNone) none.set(image, src);
  else {
    await new Promise((goOn) => setTimeout(goOn, tries > 1 ? AGAIN_MS : 0));
    // Written as it is: a newer page, which says the same, would else have it fetched once more.
    image.setAttribute("src", image.getAttribute("src"));
  }
  underWay.delete(image);
  showWhatIsNone();
}

// Also after the page was brought up to date: it says nothing of that.
export function showWhatIsNone() {
  for (const image of document.querySelectorAll(".pictures img")) image.classList.toggle("broken", none.get(image) === image.src);
}

document.addEventListener("error", ({ target }) => target.matches?.(".pictures img") && lacksPicture(target), true);
for (const image of document.querySelectorAll(".pictures img")) if (image.complete && !image.naturalWidth) lacksPicture(image);

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-picture]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  if (!dialog) build();
  at = links().indexOf(link);
  step(0);
  dialog.showModal();
});
