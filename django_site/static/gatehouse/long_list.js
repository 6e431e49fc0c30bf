// A long list stays light: pages of it that are far from what is seen are put away, and asked for again as they come near.
import { filling, rowsOf } from "./job_ranges.js";
import { pause, renew } from "./live.js";
import { showTimes } from "./times.js";

const NEAR = "3000px 0px";
const AT_ONCE = 2;
const AGAIN_MS = 2_000;
const ROWS_AT_ONCE = 10;
const wanted = new Map(); // pages, and what their question's header says
const near = new WeakSet();
const byThemselves = new WeakSet(); // those that nobody scrolled to yet
const again = new WeakMap(); // the timers of those that could not be had
let underWay = 0;

// What has the focus, is ticked, opened or marked stays.
function isInUse(part) {
  const marked = getSelection();
  return part.contains(document.activeElement) || (!marked.isCollapsed && marked.containsNode(part, true)) || part.querySelector(".tick:checked, [aria-expanded=true]") !== null;
}

const nextFrame = () => new Promise(requestAnimationFrame);

// Fifty rows laid out at once hold up what somebody scrolls: some come with each frame. Returns whether they are there; not
// when they were put away meanwhile, or the whole list was.
export async function showRows(part, rows) {
  const list = document.importNode(rows, false);
  part.append(list);
  filling.add(list);
  const all = [...rows.children];
  for (let at = 0; at < all.length; at += ROWS_AT_ONCE) {
    if (at) await nextFrame();
    if (!list.isConnected) break;
    // The first page may have got some of them meanwhile, of which others were deleted.
    const some = all.slice(at, at + ROWS_AT_ONCE).filter((row) => !document.getElementById(row.id));
    list.append(...some.map((row) => document.importNode(row, true)));
  }
  filling.delete(list);
  return list.isConnected;
}

function putAway(part, height) {
  wanted.delete(part);
  const rows = part.querySelector(".jobs");
  if (!rows || isInUse(part)) return;
  part.style.blockSize = `${height}px`;
  rows.remove();
}

const isMissing = (part) => part.isConnected && near.has(part) && !part.querySelector(".jobs");

// What is scrolled away while it is on its way gets no rows: nothing would put them away.
async function bringBack(part, background) {
  clearTimeout(again.get(part));
  if (!isMissing(part)) return;
  let isRefused = false;
  const address = part.dataset.address;
  const fresh = await renew(address, { background, whenRefused: () => (isRefused = true) });
  await pause();
  if (!isMissing(part)) return;
  if (!fresh) {
    // By the clock, so nobody need be there: it must not renew their session.
    if (!isRefused) again.set(part, setTimeout(want, AGAIN_MS, part, "1"));
    return;
  }
  if (address !== part.dataset.address) {
    want(part, background); // it has grown meanwhile
    return;
  }
  const rows = rowsOf(fresh, part, keepLight);
  if (rows && !(await showRows(part, rows))) return;
  part.style.blockSize = "";
  setTimeout(showTimes, 0, part);
}

// Those that came near last come first: that is where somebody looks.
async function want(part, background = null) {
  wanted.delete(part);
  wanted.set(part, background);
  if (underWay === AT_ONCE) return;
  underWay += 1;
  try {
    while (wanted.size) {
      const [next, header] = [...wanted].at(-1);
      wanted.delete(next);
      await bringBack(next, header);
    }
  } finally {
    underWay -= 1;
  }
}

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting, boundingClientRect } of entries) {
      if (isIntersecting) near.add(target);
      else near.delete(target);
      if (!target.isConnected) observer.unobserve(target);
      else if (!isIntersecting) putAway(target, boundingClientRect.height);
      else if (target.style.blockSize) want(target, byThemselves.delete(target) ? "1" : null);
    }
  },
  { rootMargin: NEAR },
);

export function keepLight(part) {
  if (part.style.blockSize) byThemselves.add(part);
  observer.observe(part);
}
