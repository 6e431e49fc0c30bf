// The list of jobs in pages: the first one is live, older ones stand below it (#older). Each has the jobs between two places of the
// list and no other, whatever is submitted or deleted meanwhile: data-address asks for it, data-next for the one after it.

const AFTER = "#live-jobs a.older, #live-jobs .empty a[href*=cursor]";
const MOST_ROWS = 50; // so many are sent at once: django_site/work/listing/pages.py
const ROW_HEIGHT = 54;

// Pages' lists whose rows are being laid out, some with each frame: until all are there, nobody else changes them.
export const filling = new WeakSet();

// What an address goes on after: the id of a job; "" for the end of the list, of what comes next.
const cursorOf = (address) => (address && new URL(address, location.href).searchParams.get("cursor")) || "";

// The id that follows in the order of ids: what goes on after it begins with this job.
function following(id) {
  const digits = (BigInt(`0x${id.replaceAll("-", "")}`) + 1n).toString(16).padStart(32, "0");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function move(address, cursor) {
  const moved = new URL(address, location.href);
  moved.searchParams.set("cursor", cursor);
  return moved.href;
}

// A batch that is open within its row stays so when its page is asked for again.
function opening(address, rows) {
  const opened = rows.find((row) => row.querySelector("[aria-expanded=true]"));
  const place = new URL(address);
  if (opened) place.searchParams.set("open", opened.dataset.job);
  return place.href;
}

function addressAfter(page) {
  const found = page.querySelector(AFTER)?.getAttribute("href");
  return found ? new URL(found, location.href).href : "";
}

function heightOf(count) {
  const list = document.querySelector("#live-jobs .jobs");
  return count * (list?.offsetHeight ? list.offsetHeight / list.children.length : ROW_HEIGHT);
}

function create(address, next) {
  const part = document.createElement("div");
  part.className = "page-of-jobs";
  const place = new URL(address, location.href);
  place.searchParams.set("larger", "1");
  part.dataset.address = place.href;
  part.dataset.next = next;
  return part;
}

// The page that was asked for at an address, without its rows.
export const createPart = (address, fresh) => create(address, addressAfter(fresh));

// The rows of an older page, of a newer document of it: where some of them are gone, the first ones of the next page have moved up,
// and are shown there. Where there are more than are sent at once, the others become a page below, put away; ``keep`` is given that.
export function rowsOf(fresh, part, keep) {
  const rows = fresh.querySelector("#live-jobs .jobs");
  const last = cursorOf(part.dataset.next);
  const next = addressAfter(fresh);
  if (next && cursorOf(next) > last) {
    const rest = create(next, part.dataset.next);
    rest.style.blockSize = `${Math.max(1, parseFloat(part.style.blockSize || "0") - heightOf(MOST_ROWS))}px`;
    part.dataset.next = next;
    part.after(rest);
    keep(rest);
  } else if (rows && last) for (const row of [...rows.children]) if (row.dataset.job < last) row.remove();
  return rows;
}

// The first page was brought up to date, which had the rows ``known`` before: what was pushed off it goes to the beginning of the
// older ones, and what it has now of them is taken from there. ``keep`` is given each page that is new.
export function join(older, known, keep) {
  const after = addressAfter(document);
  const end = cursorOf(after);
  for (const part of [...older.children]) {
    if (end && cursorOf(part.dataset.next) < end) break;
    giveUp([...part.querySelectorAll(".job-row")]);
    part.remove();
  }
  const first = older.firstElementChild;
  if (!first) return;
  const start = cursorOf(first.dataset.address);
  if (start > end) shorten(first, end);
  if (start >= end) return;
  // What is newer than all that was known may be more than the first page has: nobody has seen it yet.
  const newest = known.length ? following(known[0].dataset.job) : start;
  const isUnknown = newest < end;
  const rows = known.filter(({ dataset: { job } }) => job < end && job >= start);
  const middle = isUnknown ? newest : end;
  if (middle > start) prepend(first, rows, move(after, middle), keep);
  if (!isUnknown) return;
  const gap = create(after, move(after, middle));
  gap.style.blockSize = `${heightOf(MOST_ROWS)}px`;
  older.prepend(gap);
  keep(gap);
}

function shorten(part, end) {
  part.dataset.address = move(part.dataset.address, end);
  giveUp([...part.querySelectorAll(".job-row")].filter((row) => row.dataset.job >= end));
}

// The first page has them now; what was ticked is so there.
function giveUp(rows) {
  for (const row of rows) {
    const isTicked = row.querySelector(".tick")?.checked;
    row.remove();
    const tick = document.getElementById(row.id)?.querySelector(".tick");
    if (isTicked && tick) tick.checked = true;
  }
}

function prepend(first, rows, address, keep) {
  const list = first.querySelector(".jobs");
  const isTicked = rows.some((row) => row.querySelector(".tick:checked"));
  const hasRoom = list && !filling.has(list) && list.children.length + rows.length <= MOST_ROWS;
  const isAway = !list && first.style.blockSize !== "" && !isTicked;
  if (rows.length && !hasRoom && !isAway) {
    const part = createWith(rows, address, move(address, cursorOf(first.dataset.address)));
    first.before(part);
    keep(part);
    return;
  }
  first.dataset.address = opening(move(first.dataset.address, cursorOf(address)), rows);
  if (isAway) first.style.blockSize = `${parseFloat(first.style.blockSize) + heightOf(rows.length)}px`;
  else if (rows.length) fillWith(first, list, rows);
}

function createWith(rows, address, next) {
  const part = create(opening(address, rows), next);
  const list = document.createElement("ul");
  list.className = "jobs ticked";
  part.append(list);
  fillWith(part, list, rows);
  return part;
}

function fillWith(part, list, rows) {
  list.prepend(...rows);
  part.style.containIntrinsicBlockSize = `${heightOf(list.children.length)}px`; // while nobody sees it
}
