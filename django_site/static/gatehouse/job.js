// One job, live: its state, progress and log as they come.
import { follow, refresh, say, sparingly, visible } from "./live.js";
import { addLines, expectLog, replaceLog } from "./log.js";
import { showWhatIsNone } from "./pictures.js";
import "./tables.js";
import { fill, gettext, number } from "./words.js";
import { isWanted, offer, tellEnd } from "./tell.js";
import { hearUnseen } from "./unseen.js";

const head = document.getElementById("live-head");
const SAY_EVERY_MS = 10_000;
const LEFT_EVERY_MS = 10_000;
let lastSaid = 0;
let stop = () => {};
let stopHearing = null;

const isOver = () => "over" in head.dataset;
const stateOf = () => head.querySelector(".state")?.textContent ?? "";

let lacksLog = false; // lines may have been said that no event brought

async function update() {
  const withLog = lacksLog;
  lacksLog = false;
  const before = stateOf();
  const wasOver = isOver();
  if (withLog) expectLog();
  const fresh = await refresh(null, { background: withLog ? "1" : "without log" });
  if (!fresh) {
    lacksLog ||= withLog;
    return;
  }
  showWhatIsNone();
  if (withLog) replaceLog(fresh);
  if (stateOf() !== before) say(fill(gettext("The job: %(state)s"), { state: stateOf() }));
  if (isOver()) stop();
  hear();
  if (isOver() && !wasOver) tellEnd(head.dataset.task, stateOf());
}
const soon = sparingly(update);

function soonWithLog() {
  lacksLog = true;
  soon();
}

// The page's own stream ends when nobody sees it (live.js).
function hear() {
  if (!isOver() && document.visibilityState !== "visible" && isWanted()) {
    stopHearing ??= hearUnseen(head.dataset.allEvents, (job) => (!job || job === head.dataset.job) && soon());
  } else if (stopHearing) {
    stopHearing();
    stopHearing = null;
  }
}

// --- Progress --------------------------------------------------------------
function showProgress({ done, total, message }) {
  const bar = head.querySelector(".progress progress");
  if (!bar || Boolean(total) !== bar.hasAttribute("value")) return soon();
  if (total) {
    bar.max = total;
    bar.value = done;
  }
  const count = total ? fill(gettext("%(done)s of %(total)s"), { done: number(done), total: number(total) }) : number(done);
  const words = message ? `${count} · ${visible(message).slice(0, 200)}` : count;
  head.querySelector(".progress-words").textContent = words;
  if (Date.now() - lastSaid > SAY_EVERY_MS) {
    lastSaid = Date.now();
    say(words);
  }
  return undefined;
}

if (!isOver()) {
  offer();
  hear();
  document.addEventListener("visibilitychange", hear);
  document.addEventListener("behind", soon);
  stop = follow(
    head.dataset.events,
    {
      ready: soonWithLog, // what was said while this page was on its way
      reset: soonWithLog,
      status: soon,
      cancel_requested: soon,
      deleted: soon,
      end: soonWithLog,
      report: (said) => {
        if (said.progress) showProgress(said.progress);
        if (said.log) addLines(said.log);
        if (said.files) soon();
      },
    },
    soonWithLog,
  );
}
// How long it will still take changes without an event.
setInterval(() => document.visibilityState === "visible" && !isOver() && soon(), LEFT_EVERY_MS);
