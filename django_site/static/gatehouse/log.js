// A job's log: lines as they come, followed until the person scrolls up, paused, searched, wrapped or not.
import { coloured } from "./ansi.js";
import { fill, gettext, ngettext } from "./words.js";

const log = document.getElementById("live-log");
const tools = document.getElementById("log-tools");
const field = document.getElementById("log-q");
const found = document.getElementById("log-found");
const buttons = Object.fromEntries(["follow", "pause", "wrap", "all", "previous", "next"].map((name) => [name, document.getElementById(`log-${name}`)]));
const ALL = 2_000;
const MARKED = 2_000;
const TYPED_MS = 200;
const AT_END_PX = 40;
const WRAP = "gatehouse-log-unwrapped";
let most = Number(log.dataset.most);
let shown = new Set();
let follows = true;
let endedAt = 0; // where the end was when it was last shown
let held = null; // lines that came while it is paused
let isBehind = false; // and more than these
let came = []; // lines since a newer page was asked for: it may lack them
let asked = 0; // for all lines
let newest = 0;
let hits = [];
let hit = -1;
let timer = null;

const keyOf = (at, text) => `${at}\n${text}`;
const textOf = (line) => line.lastElementChild.textContent;
const press = (button, isOn) => button.setAttribute("aria-pressed", String(isOn));

// --- Lines -----------------------------------------------------------------
const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < AT_END_PX;

function setFollowing(isOn) {
  follows = isOn;
  press(buttons.follow, isOn);
}

function showEnd() {
  log.scrollTop = log.scrollHeight;
  endedAt = log.scrollTop;
}

// The browser tells of scrolling a frame later: a line that comes before must not pull down again.
function atItsEnd(act) {
  if (follows && log.scrollTop < endedAt && !isAtEnd()) setFollowing(false);
  act();
  if (follows) showEnd();
}

function noteShown() {
  shown = new Set([...log.querySelectorAll(".line")].map((line) => keyOf(line.querySelector("time").dateTime, textOf(line))));
}

function lineOf({ at, level, message }) {
  const line = document.createElement("div");
  line.className = `line ${["warning", "error", "critical"].includes(level) ? level : ""}`;
  const time = document.createElement("time");
  time.dateTime = at;
  time.textContent = at.slice(11, 19);
  const words = document.createElement("span");
  words.append(...coloured(message));
  line.append(time, " ", words);
  return line;
}

export function addLines(lines) {
  if (held) {
    held = [...held, ...lines].slice(-ALL);
    buttons.pause.textContent = fill(gettext("Go on (%(count)s new)"), { count: held.length });
    return;
  }
  came = [...came, ...lines].slice(-ALL);
  addToShown(lines);
}

function addToShown(lines) {
  atItsEnd(() => {
    log.querySelector(".none")?.remove();
    for (const each of lines) {
      const line = lineOf(each);
      const key = keyOf(each.at, textOf(line));
      if (shown.has(key)) continue;
      shown.add(key);
      log.append(line);
    }
    while (log.childElementCount > most) log.firstElementChild.remove();
  });
  forgetOld();
  showMore();
  if (field.value) search(true);
}

// More than the service keeps can't come again, and the keys of a long job's lines would fill the memory.
function forgetOld() {
  for (const key of shown) {
    if (shown.size <= ALL) return;
    shown.delete(key);
  }
}

// Before a newer page is asked for.
export function expectLog() {
  came = [];
}

function addWhatCame() {
  const last = log.querySelector(".line:last-child time")?.dateTime ?? "";
  const later = came.filter((each) => each.at >= last);
  if (later.length) addToShown(later);
}

// The lines of a newer page. Where all were loaded they are again; while it is paused nothing moves.
export function replaceLog(fresh) {
  const now = fresh.getElementById("live-log");
  log.closest("section").hidden = now.closest("section").hidden;
  if (held || most === ALL) return held ? void (isBehind = true) : loadAll();
  atItsEnd(() => log.replaceChildren(...[...now.childNodes].map((each) => document.importNode(each, true))));
  changed();
  addWhatCame();
  return undefined;
}

async function loadAll() {
  const number = (asked += 1);
  let lines;
  expectLog();
  try {
    const answer = await fetch(log.dataset.all, { headers: { Accept: "application/x-ndjson" }, credentials: "same-origin" });
    if (!answer.ok) return;
    lines = (await answer.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
  } catch {
    return; // the page itself says that the service is away
  }
  if (number < newest) return; // a later question was answered before
  newest = number;
  most = ALL;
  atItsEnd(() => lines.length && log.replaceChildren(...lines.map(lineOf)));
  changed();
  addWhatCame();
}

function changed() {
  noteShown();
  showMore();
  if (field.value) search(true);
}

function showMore() {
  buttons.all.parentElement.hidden = most === ALL || log.childElementCount < most;
}

// --- Follow, pause, wrap ----------------------------------------------------
log.addEventListener("scroll", () => {
  setFollowing(isAtEnd());
});
buttons.follow.addEventListener("click", () => {
  setFollowing(!follows);
  if (follows) showEnd();
});
buttons.pause.addEventListener("click", () => {
  const lines = held;
  held = held ? null : [];
  press(buttons.pause, Boolean(held));
  buttons.pause.textContent = gettext("Pause");
  if (lines && isBehind) loadAll();
  else if (lines) addLines(lines);
  isBehind = false;
});

function wrap(isOn) {
  log.classList.toggle("unwrapped", !isOn);
  press(buttons.wrap, isOn);
}
buttons.wrap.addEventListener("click", () => {
  const isOn = log.classList.contains("unwrapped");
  wrap(isOn);
  try {
    localStorage.setItem(WRAP, isOn ? "" : "yes");
  } catch {
    // a browser that keeps nothing
  }
});

// --- Search ------------------------------------------------------------------
function rangesOf(lines, pattern) {
  const ranges = [];
  for (const line of lines) {
    const nodes = document.createTreeWalker(line.lastElementChild, NodeFilter.SHOW_TEXT);
    while (nodes.nextNode()) {
      for (const match of nodes.currentNode.data.matchAll(pattern)) {
        if (ranges.length === MARKED) return ranges;
        const range = new Range();
        range.setStart(nodes.currentNode, match.index);
        range.setEnd(nodes.currentNode, match.index + match[0].length);
        ranges.push(range);
      }
    }
  }
  return ranges;
}

function search(isSame = false) {
  const words = field.value;
  const before = hits[hit];
  for (const line of hits) line.classList.remove("hit", "now");
  globalThis.CSS?.highlights?.delete("found");
  const pattern = new RegExp(words.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&"), "gi");
  hits = words ? [...log.querySelectorAll(".line")].filter((line) => textOf(line).search(pattern) >= 0) : [];
  for (const line of hits) line.classList.add("hit");
  if (hits.length && globalThis.CSS?.highlights) CSS.highlights.set("found", new Highlight(...rangesOf(hits, pattern)));
  hit = isSame ? hits.indexOf(before) : hits.length - 1;
  if (!isSame && hits.length) go(0);
  tell();
}

function tell() {
  const count = hits.length;
  if (!field.value) found.textContent = "";
  else if (!hits.length) found.textContent = gettext("Nowhere");
  else found.textContent = hit < 0 ? fill(ngettext("%(count)s line", "%(count)s lines", count), { count }) : fill(ngettext("%(at)s of %(count)s line", "%(at)s of %(count)s lines", count), { at: hit + 1, count });
  for (const button of [buttons.previous, buttons.next]) button.disabled = !hits.length;
}

function go(step) {
  if (!hits.length) return;
  hits[hit]?.classList.remove("now");
  hit = (hit + step + hits.length) % hits.length;
  const line = hits[hit];
  line.classList.add("now");
  log.scrollTop = line.offsetTop - log.offsetTop - log.clientHeight / 2;
  tell();
}

field.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    if (most !== ALL && !buttons.all.parentElement.hidden) await loadAll(); // all there is is searched
    search();
  }, TYPED_MS);
});
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  go(event.shiftKey ? -1 : 1);
});
buttons.previous.addEventListener("click", () => go(-1));
buttons.next.addEventListener("click", () => go(1));
buttons.all.addEventListener("click", loadAll);

try {
  wrap(localStorage.getItem(WRAP) !== "yes");
} catch {
  wrap(true);
}
noteShown();
showMore();
tools.hidden = false;
showEnd();
