// The page scripts' words in the page's language. English stands in the scripts; for each other language there is a
// module in words/, which the page loads before them.
let known = {};
let formOf = (count) => (count === 1 ? 0 : 1);

export const language = document.documentElement.lang || "en";

export function learn(texts, plural) {
  known = texts;
  formOf = plural;
}

export const gettext = (text) => known[text] ?? text;

export function ngettext(one, many, count) {
  const forms = known[one] ?? [one, many];
  return forms[formOf(count)] ?? many;
}

// Put values into the places of a text: %(name)s.
export const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (place, name) => values[name] ?? place);

export const number = (value) => value.toLocaleString(language);
