// The JavaScript a first visit of the jobs page loads must stay small: everything heavy is loaded when first needed.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 250;
const FIRST = ["index.html", "src/pages/Jobs.svelte"];
const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

const files = new Set();
const visit = (key) => {
  const entry = manifest[key];
  if (!entry || files.has(entry.file)) return;
  files.add(entry.file);
  entry.imports?.forEach(visit);
};
FIRST.forEach(visit);

let total = 0;
for (const file of files) {
  const kilobytes = gzipSync(readFileSync(new URL(file, dist))).length / 1000;
  total += kilobytes;
  console.log(`${kilobytes.toFixed(1).padStart(7)} kB  ${file}`);
}
console.log(`${total.toFixed(1).padStart(7)} kB  together, gzip; at most ${LIMIT_KB} kB`);
if (total > LIMIT_KB || files.size < 2) process.exit(1);
