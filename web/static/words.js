// The sentences of scripts in the page's language, which the page holds as JSON; in English they are their own keys.
const words = JSON.parse(document.getElementById("words")?.textContent ?? "{}");

// A message with its values in the places of their names in braces.
export function say(message, values = {}) {
  return (words[message] ?? message).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
