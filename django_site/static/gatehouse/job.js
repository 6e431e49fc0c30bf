// One job, live: its state, progress and log as they come.
import { follow, refresh, say, sparingly, visible } from "./live.js";
import "./tables.js";

const head = document.getElementById("live-head");
const log = document.getElementById("live-log");
const MOST = Number(log.dataset.most);
const SAY_EVERY_MS = 10_000;
const LEFT_EVERY_MS = 10_000;
let lastSaid = 0;
let stop = () => {};

const isOver = () => "over" in head.dataset;
const stateOf = () => head.querySelector(".state")?.textContent ?? "";

async function update({ withLog = false } = {}) {
  const before = stateOf();
  const fresh = await refresh(location.href, { background: withLog ? "1" : "without log" });
  if (!fresh) return;
  if (withLog) replaceLog(fresh);
  if (stateOf() !== before) say(`The job: ${stateOf()}`);
  if (isOver()) stop();
}
const soon = sparingly(() => update());

// --- The log ---------------------------------------------------------------
const keyOf = (at, text) => `${at}\n${text}`;
let shown = new Set();

function isFollowed() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
}

function atItsEnd(act) {
  const follows = isFollowed();
  act();
  if (follows) log.scrollTop = log.scrollHeight;
}

function noteShown() {
  shown = new Set([...log.querySelectorAll(".line")].map((line) => keyOf(line.querySelector("time").dateTime, line.querySelector("span").textContent)));
}

function replaceLog(fresh) {
  const now = fresh.getElementById("live-log");
  atItsEnd(() => log.replaceChildren(...[...now.childNodes].map((each) => document.importNode(each, true))));
  log.closest("section").hidden = now.closest("section").hidden;
  noteShown();
}

function addLines(lines) {
  atItsEnd(() => {
    log.querySelector(".none")?.remove();
    for (const { at, level, message } of lines) {
      const text = visible(message);
      if (shown.has(keyOf(at, text))) continue;
      shown.add(keyOf(at, text));
      const line = document.createElement("div");
      line.className = `line ${["warning", "error", "critical"].includes(level) ? level : ""}`;
      const time = document.createElement("time");
      time.dateTime = at;
      time.textContent = at.slice(11, 19);
      const words = document.createElement("span");
      words.textContent = text;
      line.append(time, " ", words);
      log.append(line);
    }
    while (log.childElementCount > MOST) log.firstElementChild.remove();
  });
}

// --- Progress --------------------------------------------------------------
function showProgress({ done, total, message }) {
  const bar = head.querySelector(".progress progress");
  if (!bar || Boolean(total) !== bar.hasAttribute("value")) return soon();
  if (total) {
    bar.max = total;
    bar.value = done;
  }
  const count = total ? `${done.toLocaleString("en")} of ${total.toLocaleString("en")}` : done.toLocaleString("en");
  const words = message ? `${count} · ${visible(message).slice(0, 200)}` : count;
  head.querySelector(".progress-words").textContent = words;
  if (Date.now() - lastSaid > SAY_EVERY_MS) {
    lastSaid = Date.now();
    say(words);
  }
  return undefined;
}

noteShown();
log.scrollTop = log.scrollHeight;
if (!isOver()) {
  stop = follow(
    head.dataset.events,
    {
      ready: () => update({ withLog: true }), // what was said while this page was on its way
      reset: () => update({ withLog: true }),
      status: soon,
      cancel_requested: soon,
      deleted: soon,
      end: () => update({ withLog: true }),
      report: (said) => {
        if (said.progress) showProgress(said.progress);
        if (said.log) addLines(said.log);
        if (said.files) soon();
      },
    },
    () => update({ withLog: true }),
  );
}
// How long it will still take changes without an event.
setInterval(() => document.visibilityState === "visible" && !isOver() && soon(), LEFT_EVERY_MS);
