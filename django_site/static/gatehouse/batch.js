// A batch, live: its counts as its jobs end.
import { follow, refresh, sparingly } from "./live.js";

const head = document.getElementById("live-batch");
let stop = () => {};

const soon = sparingly(async () => {
  await refresh();
  if ("over" in head.dataset) stop();
});

if (!("over" in head.dataset)) {
  document.addEventListener("behind", soon);
  stop = follow(head.dataset.events, { ready: soon, reset: soon, counts: soon, deleted: soon, end: soon }, soon);
}
