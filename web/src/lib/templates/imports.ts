/** Files that are handed over to become templates: those that can matter are read, the others are left where they are. */
import type { Incoming } from "$lib/create/dropped";

const MAX_BYTES = 1024 * 1024;
const MAX_FILES = 200;
const MAX_TOTAL = 7 * 1024 * 1024;
const OF_FOLDERS = /\.(namd|conf|config|inp|str|json)$/i;

/** Texts by relative name; throws with a sentence for what is too much. */
export async function readTexts(files: Incoming[]): Promise<Record<string, string>> {
  const wanted = files.length === 1 ? files : files.filter(({ path }) => OF_FOLDERS.test(path));
  if (!wanted.length) throw new Error("There is no NAMD config and no template among these files.");
  if (wanted.length > MAX_FILES)
    throw new Error("These are too many configs at once. Choose the folder of one system.");
  const texts: Record<string, string> = {};
  let total = 0;
  for (const { file, path } of wanted) {
    if (file.size > MAX_BYTES) {
      if (wanted.length === 1) throw new Error(`${file.name} is too large for a template.`);
      continue;
    }
    total += file.size;
    if (total > MAX_TOTAL) throw new Error("These files are too large to import at once.");
    texts[path] = await file.text();
  }
  return texts;
}

export interface Grouped<T> {
  kind: string;
  templates: T[];
}

/** By kind of job in the order of a simulation; those without one last. */
export function byKind<T extends { kind: string }>(templates: T[]): Grouped<T>[] {
  const order = ["minimisation", "equilibration", "production", "enhanced sampling", "free energy"];
  const rank = (kind: string) => (kind === "" ? 99 : order.includes(kind) ? order.indexOf(kind) : 50);
  const kinds = [...new Set(templates.map(({ kind }) => kind))].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  return kinds.map((kind) => ({ kind, templates: templates.filter((template) => template.kind === kind) }));
}

/** Whether all words of the search are found in it. */
export function matches(
  template: { id: string; title: string; description: string; kind: string; clusters: string[] },
  search: string,
): boolean {
  const { id, title, description, kind, clusters } = template;
  const text = [id, title, description, kind, ...clusters].join(" ").toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

export interface DiffLine {
  text: string;
  kind: "added" | "removed" | "place" | "same";
}

/** The lines of a unified diff, without its two headings. */
export function diffLines(diff: string): DiffLine[] {
  return diff
    .split("\n")
    .slice(2, -1)
    .map((text) => ({
      text,
      kind: text.startsWith("@@")
        ? ("place" as const)
        : text.startsWith("+")
          ? ("added" as const)
          : text.startsWith("-")
            ? ("removed" as const)
            : ("same" as const),
    }));
}
