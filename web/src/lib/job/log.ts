/** A log as it grows: lines, and where in it to read on. */
import type { Diagnosis } from "$lib/api/types";

const MAX_LINES = 200_000;

export class LogBuffer {
  constructor(
    readonly lines: string[] = [],
    readonly start = 0,
    readonly offset = 0,
    /** The last line had no end yet. */
    private readonly open = false,
  ) {}

  /** With `text`, which begins at byte `start` of the log and ends before byte `offset`. */
  add(text: string, start: number, offset: number): LogBuffer {
    const continues = this.lines.length > 0 && start === this.offset;
    const parts = text.split(/\r?\n/);
    const open = parts.at(-1) !== "";
    if (!open) parts.pop();
    const lines = continues ? [...this.lines] : [];
    if (continues && this.open && parts.length) lines[lines.length - 1] += parts.shift() ?? "";
    for (const part of parts) lines.push(part);
    const cut = Math.max(0, lines.length - MAX_LINES);
    return new LogBuffer(cut ? lines.slice(cut) : lines, continues ? this.start : start, offset, open);
  }
}

/** Indexes of the lines that contain the text, whatever its case. */
export function matches(lines: string[], wanted: string): number[] {
  const text = wanted.toLowerCase();
  const found: number[] = [];
  lines.forEach((line, index) => {
    if (line.toLowerCase().includes(text)) found.push(index);
  });
  return found;
}

/** The lines that a diagnosis quotes. */
export function markedLines(lines: string[], diagnosis: Pick<Diagnosis, "excerpt">[]): Set<number> {
  const quoted = new Set(
    diagnosis
      .flatMap(({ excerpt }) => (excerpt ?? "").split("\n").map((line) => line.trim()))
      .filter((line) => line.length > 8),
  );
  const found = new Set<number>();
  if (quoted.size) lines.forEach((line, index) => quoted.has(line.trim()) && found.add(index));
  return found;
}
