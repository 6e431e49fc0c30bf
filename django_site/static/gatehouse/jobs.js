// The list of jobs, live; a row's Cancel works without leaving the page.
import { filling, join, rowsOf } from "./job_ranges.js";
import { follow, refresh, renew, say, sparingly, visible } from "./live.js";
import { keepLight } from "./long_list.js";
import { morph } from "./morph.js";
import { send } from "./send.js";
import { fill, gettext, number } from "./words.js";

const LEFT_EVERY_MS = 10_000;
const AGAIN_MS = 3_000;
const list = document.querySelector("[data-events]");

const tellRenewed = () => document.dispatchEvent(new CustomEvent("renewed")); // rows may have come, and gone

// A list that was scrolled has its newest page in data-live, and older ones below: what new jobs push off the first goes
// there, and an older one is asked for again when one of its jobs moves.
async function update() {
  const address = location.href;
  const known = [...list.querySelectorAll(".job-row")].map((row) => row.cloneNode(true));
  const fresh = await refresh(address, { isWanted: () => address === location.href });
  if (address !== location.href) return soon(); // another view was chosen meanwhile
  const older = document.getElementById("older");
  if (fresh && older?.childElementCount) join(older, known.filter((row) => !gone.has(row.dataset.job)), keepLight);
  if (fresh) tellRenewed();
}
const soon = sparingly(update);
const gone = new Set();

const stale = new Set();
const renewStale = sparingly(async () => {
  for (const part of [...stale]) {
    stale.delete(part);
    if (!part.isConnected) continue;
    let isRefused = false;
    const address = part.dataset.address;
    const fresh = await renew(address, { background: "1", whenRefused: () => (isRefused = true) });
    if (!fresh && !isRefused) setTimeout(changedPart, AGAIN_MS, part);
    const old = part.querySelector(".jobs");
    if (!fresh || !old || !part.isConnected) continue;
    if (filling.has(old) || address !== part.dataset.address) {
      changedPart(part); // it grew, or was about to be shown
      continue;
    }
    const now = rowsOf(fresh, part, keepLight);
    if (now) morph(old, document.importNode(now, true));
    tellRenewed();
  }
});

// A batch's jobs have no rows of their own.
const rowOf = ({ job, batch }) => document.getElementById(`row-${job}`) ?? document.getElementById(`row-${batch}`);

function changed(event) {
  const part = rowOf(event)?.closest(".page-of-jobs[data-address]");
  if (part) changedPart(part);
  else soon();
}

function changedPart(part) {
  stale.add(part);
  renewStale();
}

function deleted(event) {
  const row = rowOf(event);
  if (row && list.contains(row)) gone.add(row.dataset.job);
  changed(event);
}

function showProgress({ job, progress }) {
  const row = document.getElementById(`row-${job}`);
  if (!row || !progress) return;
  const bar = row.querySelector("progress[value]");
  if (!bar || !progress.total) {
    soon();
    return;
  }
  bar.max = progress.total;
  bar.value = progress.done;
  const count = fill(gettext("%(done)s of %(total)s"), { done: number(progress.done), total: number(progress.total) });
  row.querySelector(".progress-words").textContent = progress.message ? `${count} · ${visible(progress.message).slice(0, 200)}` : count;
}

// The row may have another form, or be gone, by the time the answer comes: what this one says is read before.
const underWay = new Set();
document.addEventListener("submit", async (event) => {
  const form = event.target;
  const row = form.closest(".job-row");
  if (!row) return;
  event.preventDefault();
  const { action } = form;
  const { said } = form.dataset;
  const { job } = row.dataset;
  if (underWay.has(action)) return; // a newer page has given the button back
  const body = new FormData(form);
  const button = form.querySelector("button");
  button.disabled = true;
  underWay.add(action);
  const page = await send(action, body);
  underWay.delete(action);
  button.disabled = false;
  if (page) say(page.querySelector("#main > .note")?.textContent.trim() || said);
  changed({ job });
});

if (list) {
  document.addEventListener("behind", ({ detail }) => changed(detail));
  follow(
    list.dataset.events,
    { ready: soon, reset: soon, status: changed, batch: soon, deleted, cancel_requested: changed, report: showProgress },
    soon,
  );
}

// How long something will still take changes without an event.
setInterval(() => document.visibilityState === "visible" && list?.querySelector("progress") && soon(), LEFT_EVERY_MS);
