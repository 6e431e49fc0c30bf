// Pages of operators, live: asked for again now and then while somebody can see them. What is typed, ticked, marked or has the
// focus stays as it is.
import { refresh } from "./live.js";
import { morph } from "./morph.js";
import { showTimes } from "./times.js";

const EVERY_MS = 4000;
// A page that takes the service long is asked for more rarely.
const SHARE = 10;
const list = document.getElementById("live-jobs");

// What somebody marks, to copy it, is not replaced under their hand.
function isMarking() {
  const marked = getSelection();
  return !marked.isCollapsed && [...document.querySelectorAll("[data-live]")].some((part) => marked.containsNode(part, true));
}

// While something in the list is ticked, or the keyboard is there, no row comes, goes or moves; each is brought up to date.
const isHeld = () => list !== null && list.querySelector(".tick:checked, :focus-visible") !== null;

function hold(isSo) {
  if (list === null) return;
  list.toggleAttribute("data-live", !isSo);
  document.getElementById("held").hidden = !isSo;
}

function showRows(fresh) {
  for (const row of list.querySelectorAll(".job-row")) {
    const now = fresh.getElementById(row.id);
    if (now) morph(row, document.importNode(now, true));
  }
  showTimes();
}

// A row that moves takes the focus with it.
async function update() {
  let before = null;
  const isWanted = () => {
    hold(isHeld()); // as late as can be: it may have changed while the page was on its way
    before = document.activeElement;
    return !isMarking();
  };
  const fresh = await refresh(location.href, { isWanted });
  if (fresh && isHeld()) showRows(fresh);
  if (fresh && before?.isConnected && before !== document.activeElement) before.focus({ preventScroll: true });
}

let timer = null;
let isUnderWay = false;

async function turn() {
  clearTimeout(timer);
  if (isUnderWay || document.visibilityState !== "visible") return;
  isUnderWay = true;
  const begin = performance.now();
  try {
    await update();
  } finally {
    isUnderWay = false;
    timer = setTimeout(turn, Math.max(EVERY_MS, SHARE * (performance.now() - begin)));
  }
}

document.addEventListener("visibilitychange", turn);
list?.addEventListener("change", () => hold(isHeld()));
timer = setTimeout(turn, EVERY_MS);
