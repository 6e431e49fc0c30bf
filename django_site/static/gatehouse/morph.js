// Make a part of this page like the same part of a newer one, touching only what differs: what has the focus keeps it,
// what was opened stays open, and nothing that stands outside of such a part is touched.

// A form is what it does: one that does something else takes its place, and is not under the hand that was about to press it.
const keyOf = (each) => each.getAttribute?.("id") || (each.nodeName === "FORM" && `${each.method} ${each.getAttribute("action")}`) || "";
const isSame = (one, other) => one && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

function morphAttributes(old, now) {
  for (const { name } of [...old.attributes]) {
    if (!now.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  for (const { name, value } of now.attributes) {
    if (old.getAttribute(name) !== value && !(name === "open" && old.nodeName === "DETAILS")) old.setAttribute(name, value);
  }
}

function morphChildren(old, now) {
  // First what is no longer there: else all that follows it would be moved, and lose the focus.
  const wantedKeys = new Set([...now.children].map(keyOf));
  for (const each of [...old.children]) if (keyOf(each) && !wantedKeys.has(keyOf(each))) each.remove();
  const byKey = new Map([...old.children].reverse().map((each) => [keyOf(each), each])); // of forms that do the same, the first
  byKey.delete("");
  let place = old.firstChild;
  for (const wanted of [...now.childNodes]) {
    const known = byKey.get(keyOf(wanted));
    byKey.delete(keyOf(wanted));
    if (known && known !== place) old.insertBefore(known, place);
    if (known) {
      morph(known, wanted);
      place = known.nextSibling;
    } else if (isSame(place, wanted)) {
      const next = place.nextSibling;
      morph(place, wanted);
      place = next;
    } else {
      old.insertBefore(document.importNode(wanted, true), place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

export function morph(old, now) {
  if (old.isEqualNode(now)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = now.data;
    return;
  }
  morphAttributes(old, now);
  morphChildren(old, now);
}
