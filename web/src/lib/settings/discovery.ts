/** What a discovery found, arranged for reading. */
import type { Schemas } from "$lib/api/types";

export type Difference = Schemas["DifferenceDocument"];

export interface Group {
  title: string;
  lines: Difference[];
}

const TITLES: Record<string, string> = {
  partitions: "Partitions",
  default_partition: "Partitions",
  qos: "QoS",
  default_account: "Accounts",
  recipes: "NAMD",
};

/** The lines by what they are about, in the order in which they came. */
export function grouped(lines: Difference[]): Group[] {
  const groups = new Map<string, Difference[]>();
  for (const line of lines) {
    const title = TITLES[line.key.split(".")[0] ?? ""] ?? "Other";
    groups.set(title, [...(groups.get(title) ?? []), line]);
  }
  return [...groups].map(([title, found]) => ({ title, lines: found }));
}

/** Keys that are chosen and can be taken over, in the order of the lines. */
export const takeable = (lines: Difference[], chosen: ReadonlySet<string>) =>
  lines.filter((line) => line.applicable && chosen.has(line.key)).map((line) => line.key);

export const KIND_WORDS: Record<Difference["kind"], string> = {
  added: "new",
  changed: "differs",
  removed: "gone",
};
