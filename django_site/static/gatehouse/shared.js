// A job that somebody shows, live: the page is brought up to date as things happen. It can change nothing.
import { follow, refresh, say, sparingly, visible } from "./live.js";

const head = document.getElementById("live-head");
let stop = () => {};

const stateOf = () => head.querySelector(".state")?.textContent ?? "";
const logOf = () => document.getElementById("shared-log");

async function update() {
  const log = logOf();
  const follows = !log || log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const before = stateOf();
  const fresh = await refresh();
  if (!fresh) return;
  if (follows && logOf()) logOf().scrollTop = logOf().scrollHeight;
  if (stateOf() !== before) say(stateOf());
  if ("over" in head.dataset) stop();
}
const soon = sparingly(update);

// The bar moves at once; the words around it are the server's.
function report({ progress }) {
  const bar = head.querySelector(".progress progress");
  if (bar?.hasAttribute("value") && progress?.total) {
    bar.max = progress.total;
    bar.value = progress.done;
    if (progress.message) bar.title = visible(progress.message).slice(0, 200);
  }
  soon();
}

if (logOf()) logOf().scrollTop = logOf().scrollHeight;
if (!("over" in head.dataset)) {
  const kinds = { ready: soon, reset: soon, status: soon, cancel_requested: soon, deleted: soon, end: soon, report };
  document.addEventListener("behind", soon);
  stop = follow(head.dataset.events, kinds, soon);
}
