"use strict";
// Search over window.GUIDE (search.js): every word must occur in a piece; titles count more than text.
const field = document.getElementById("search");
const results = document.getElementById("results");
const menu = document.getElementById("menu");
const MOST = 12;

function score(piece, words) {
  const title = `${piece.page} ${piece.title}`.toLowerCase();
  const text = piece.text.toLowerCase();
  let sum = title.includes(words.join(" ")) ? 20 : text.includes(words.join(" ")) ? 5 : 0;
  for (const word of words) {
    const inTitle = title.includes(word);
    const inText = text.includes(word);
    if (!inTitle && !inText) return 0;
    sum += (inTitle ? 10 : 0) + (inText ? 1 : 0);
  }
  return sum;
}

function excerpt(text, word) {
  const place = text.toLowerCase().indexOf(word);
  const start = place < 50 ? 0 : text.indexOf(" ", place - 50) + 1; // at the beginning of a word
  const line = document.createElement("span");
  if (place < 0) {
    line.textContent = text.slice(0, 140);
    return line;
  }
  const mark = document.createElement("mark");
  mark.textContent = text.slice(place, place + word.length);
  line.append((start ? "… " : "") + text.slice(start, place), mark, text.slice(place + word.length, place + 110));
  return line;
}

function show() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  results.replaceChildren();
  results.hidden = words.length === 0;
  if (!words.length) return;
  const hits = window.GUIDE.map((piece) => [score(piece, words), piece]).filter(([s]) => s > 0);
  hits.sort((a, b) => b[0] - a[0]);
  for (const [, piece] of hits.slice(0, MOST)) {
    const link = document.createElement("a");
    const title = document.createElement("b");
    link.href = piece.url;
    title.textContent = piece.title === piece.page ? piece.page : `${piece.page} › ${piece.title}`;
    link.append(title, excerpt(piece.text, words[0]));
    const item = document.createElement("li");
    item.append(link);
    results.append(item);
  }
  if (!hits.length) {
    const item = document.createElement("li");
    item.textContent = "Nothing found";
    results.append(item);
  }
}

field.addEventListener("input", show);
field.addEventListener("keydown", (event) => {
  const first = results.querySelector("a");
  if (event.key === "Enter" && first) first.click();
  if (event.key === "Escape") {
    field.value = "";
    show();
  }
  if (event.key === "ArrowDown" && first) {
    event.preventDefault();
    first.focus();
  }
});
results.addEventListener("click", () => {
  results.hidden = true;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== field) {
    event.preventDefault();
    field.focus();
  }
});
document.addEventListener("click", (event) => {
  if (!event.target.closest(".search")) results.hidden = true;
});
menu.addEventListener("click", () => {
  const open = document.getElementById("pages").classList.toggle("open");
  menu.setAttribute("aria-expanded", String(open));
});
const current = document.querySelector("nav [aria-current]");
if (current && getComputedStyle(menu).display === "none") current.scrollIntoView({ block: "nearest" });
