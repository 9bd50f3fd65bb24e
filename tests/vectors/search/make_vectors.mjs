// Makes pairs.jsonl.gz and lower.json beside this file: what a JavaScript engine says about words in messages.
//
//     node make_vectors.mjs
//
// The same file comes out of every run of the same engine: the numbers are drawn from a seed. assigned_14.json holds the
// code points that Unicode 14 has assigned, as pairs of first and last; nothing else is ever drawn.

import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const SEED = 20261122;
const MESSAGES = 5000;
const KEYWORDS = 20; // a message

// --- numbers --------------------------------------------------------------------------------------------------------

let state = SEED >>> 0;

function draw(limit) {
  // mulberry32
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * limit);
}

const pick = (list) => list[draw(list.length)];

// --- letters --------------------------------------------------------------------------------------------------------

const here = new URL(".", import.meta.url);
const assigned = JSON.parse(readFileSync(new URL("assigned_14.json", here), "utf8"));
const all = assigned.flatMap(([first, last]) =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i),
).filter((c) => c < 0xd800 || (c > 0xdfff && c < 0xf0000)); // no surrogates, no planes of private use
const one = (c) => String.fromCodePoint(c);
const cased = all.filter((c) => one(c).toLowerCase() !== one(c) || one(c).toUpperCase() !== one(c));
const marks = all.filter((c) => /\p{Mn}|\p{Me}|\p{Cf}|\p{Lm}|\p{Sk}/u.test(one(c)));

const SCRIPTS = [
  "the a I you call recorded Chargeback APPOINTMENT order ORD-1A2b refund yes No please account 555-0132 $40.00",
  "Straße STRASSE straẞe Größe Müller MÜLLER Zürich ﬁnden Überweisung",
  "İstanbul ISTANBUL ıstanbul istanbul Iğdır IĞDIR ılık İZMİR izmir",
  "ΟΔΥΣΣΕΥΣ Ὀδυσσεύς σίγμα ΣΊΓΜΑ τέλος ΤΕΛΟΣ Σ ς ΑΣ ΣΑ άλφα ᾼ ᾳ ΑΙ",
  "Привет ПРИВЕТ запись ЗАПИСЬ Ёлка ёлка договор",
  "ǅungla ǄUNGLA ǆungla Ǉ ǈ ǉ Ǌ ǋ ǌ ǲ Ⓐ ⓐ Ⅷ ⅷ Ａ ａ",
  "𐐀𐐨 𐐔𐐯𐑅𐐨𐑉𐐯𐐻 𞤀𞤢 𑢠𑣀 Ꭰ ꭰ Ა ა ᲑᲘ ბი K k Å å Ω ω ſ S ẛ Ṡ",
  "cafe\u0301 café CAFE\u0301 CAFÉ n\u0303 ñ Ñ é\u200dé a\u00adb A\u00adB",
  "録音 こんにちは カタカナ ｶﾀｶﾅ 통화 녹음 مرحبا שלום हैलो สวัสดี 你好",
  "🙂 👩‍👩‍👧 🇩🇪 👍🏽 e\ufe0f 1️⃣ \u200b\u2060 \u00a0 … ’ ' · :",
].map((line) => line.split(" "));
const GLUE = [" ", " ", " ", " ", ", ", ". ", "", "-", "'", "’", "\n", "\u00ad", ":", "\u0301", "\u0345"];

const KINDS = [
  () => pick(pick(SCRIPTS)),
  () => pick(SCRIPTS[draw(2)]),
  () => one(pick(cased)),
  () => one(pick(cased)) + one(pick(cased)),
  () => one(pick(all)),
  () => pick(["Σ", "ΑΣ", "ΑΣΑ", "Σ" + one(pick(marks)), "Α" + one(pick(marks)) + "Σ", "ΑΣ" + one(pick(marks)) + "Α"]),
  () => one(pick(cased)) + "Σ" + one(pick(all)),
];

function message() {
  let text = "";
  for (let parts = 1 + draw(14); parts > 0; parts -= 1) {
    text += pick(KINDS)() + pick(GLUE);
  }
  return text;
}

// --- words to look for ----------------------------------------------------------------------------------------------

const flip = (text) => [...text].map((c) => pick([c, c.toUpperCase(), c.toLowerCase()])).join("");

function part(text) {
  const points = [...text];
  const at = draw(points.length);
  return points.slice(at, at + 1 + draw(draw(3) ? 6 : points.length)).join("");
}

function spoil(text) {
  const points = [...text];
  const at = draw(points.length);
  const with_ = pick([one(pick(cased)), "ς", "σ", "Σ", "i", "ı", "İ", "i\u0307", "ss", "ß", "ẞ", "\u0301", ""]);
  points.splice(at, draw(2), with_);
  return points.join("") || "x";
}

function keyword(text) {
  const found = part(text);
  return pick([
    () => found,
    () => flip(found),
    () => found.toUpperCase(),
    () => found.toLowerCase(),
    () => found.normalize("NFC") === found ? found.normalize("NFD") : found.normalize("NFC"),
    () => spoil(found),
    () => spoil(flip(found)),
    () => pick(KINDS)(),
  ])();
}

// --- files ----------------------------------------------------------------------------------------------------------

const known = (text) => [...text].every((c) => isKnown(c.codePointAt(0)));
const isKnown = (() => {
  const set = new Set(all);
  return (c) => set.has(c);
})();

function line() {
  const content = message();
  const keywords = [];
  while (keywords.length < KEYWORDS) {
    const next = keyword(content);
    // Upper case may lead to letters that are younger than Unicode 14.
    if (next !== "" && known(next) && known(next.toLowerCase())) keywords.push(next);
  }
  const lower = content.toLowerCase();
  const bits = keywords.map((word) => (lower.includes(word.toLowerCase()) ? "1" : "0")).join("");
  return JSON.stringify({ content, keywords, found: bits });
}

const header = JSON.stringify({ node: process.version, unicode: process.versions.unicode, seed: SEED, pairs: MESSAGES * KEYWORDS });
const lines = [header, ...Array.from({ length: MESSAGES }, line)];
writeFileSync(new URL("pairs.jsonl.gz", here), gzipSync(lines.join("\n") + "\n", { level: 9 }));

// Every code point alone, and what it does to a capital sigma on either side of it.
const lower = Object.fromEntries(all.map((c) => [c, one(c).toLowerCase()]).filter(([c, text]) => text !== one(Number(c))));
const lets = all.filter((c) => ("Α" + one(c) + "Σ").toLowerCase().endsWith("ς"));
const ends = all.filter((c) => ("ΑΣ" + one(c) + "Α").toLowerCase()[1] === "ς");
const ranges = (points) => {
  const found = [];
  for (const c of points) {
    if (found.length && found.at(-1)[1] === c - 1) found.at(-1)[1] = c;
    else found.push([c, c]);
  }
  return found;
};
writeFileSync(
  new URL("lower.json", here),
  JSON.stringify({ node: process.version, unicode: process.versions.unicode, lower, lets_sigma_end: ranges(lets), ends_word: ranges(ends) }) + "\n",
);
