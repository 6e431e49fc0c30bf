// Colours of a log line, the same as django_site/work/log/ansi.py makes of it: pieces with classes, built as text nodes.
import { visible } from "./live.js";

const LONGEST = 20_000;
const MOST_PIECES = 500;
const SGR = /\x1b\[([0-9;]{0,60})m/g;
const GREY = 0;
const PLAIN = 7;
const ON = { 1: "bold", 2: "faint", 3: "italic", 4: "under", 7: "inverse", 9: "struck" };
const OFF = { 22: ["bold", "faint"], 23: ["italic"], 24: ["under"], 27: ["inverse"], 29: ["struck"] };
const NAMES = ["bold", "faint", "italic", "under", "struck"];

function nearest(red, green, blue) {
  const most = Math.max(red, green, blue);
  if (most < 64) return GREY;
  const bits = (red * 2 > most ? 1 : 0) + (green * 2 > most ? 2 : 0) + (blue * 2 > most ? 4 : 0);
  return bits < 7 || most >= 128 ? bits : GREY;
}

function of256(number) {
  if (number < 16) return number % 8;
  if (number > 255) return null;
  if (number >= 232) return number < 244 ? GREY : PLAIN;
  const cube = number - 16;
  return nearest(Math.floor(cube / 36) * 51, (Math.floor(cube / 6) % 6) * 51, (cube % 6) * 51);
}

function extended([kind, ...codes]) {
  if (kind === 5 && codes.length > 0) return [of256(codes[0]), 2];
  if (kind === 2 && codes.length > 2) return [nearest(codes[0], codes[1], codes[2]), 4];
  return [null, codes.length + 1];
}

function apply(style, parameters) {
  const codes = parameters.split(";").map((code) => Number(code.slice(0, 4)));
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at];
    const tens = Math.floor(code / 10);
    if (code === 38 || code === 48) {
      const [colour, taken] = extended(codes.slice(at + 1, at + 5));
      style[code === 38 ? "fore" : "back"] = colour;
      at += taken;
    } else if (code === 0) {
      for (const name of Object.keys(style)) delete style[name];
    } else if (code in ON) {
      style[ON[code]] = true;
    } else if (code in OFF) {
      for (const name of OFF[code]) delete style[name];
    } else if (code === 39 || code === 49) {
      style[code === 39 ? "fore" : "back"] = null;
    } else if ([3, 4, 9, 10].includes(tens) && code % 10 < 8) {
      style[tens === 3 || tens === 9 ? "fore" : "back"] = code % 10;
    }
  }
}

function classesOf(style) {
  let [fore, back] = [style.fore ?? null, style.back ?? null];
  if (style.inverse) [fore, back] = [back, fore];
  if (style.inverse && fore === null && back === null) back = PLAIN;
  const classes = NAMES.filter((name) => style[name]);
  if (back !== null) classes.push(`back-${back}`);
  else if (fore !== null) classes.push(`fore-${fore}`);
  return classes.join(" ");
}

export function piecesOf(text) {
  const whole = cut(String(text));
  const style = {};
  const pieces = [];
  let place = 0;
  let count = 0;
  for (const found of whole.matchAll(SGR)) {
    if ((count += 1) > MOST_PIECES) break;
    if (found.index > place) pieces.push([classesOf(style), visible(whole.slice(place, found.index))]);
    apply(style, found[1]);
    place = found.index + found[0].length;
  }
  const rest = whole.slice(place).replace(SGR, "");
  if (rest) pieces.push([classesOf(style), visible(rest)]);
  return pieces;
}

// As Python counts: by characters, not by halves of them.
function cut(text) {
  if (text.length <= LONGEST) return text;
  const signs = [];
  for (const sign of text.slice(0, 2 * LONGEST)) {
    if (signs.length === LONGEST) return `${signs.join("")}…`;
    signs.push(sign);
  }
  return text.length > 2 * LONGEST ? `${signs.join("")}…` : signs.join("");
}

export function coloured(text) {
  return piecesOf(text).map(([classes, piece]) => {
    if (!classes) return document.createTextNode(piece);
    const span = document.createElement("span");
    span.className = classes;
    span.textContent = piece;
    return span;
  });
}
