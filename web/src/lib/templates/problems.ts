/** What is wrong with the text of a template, at the place where it is wrong. */
import type { Diagnostic } from "@codemirror/lint";
import type { TemplateProblem } from "$lib/api/types";
import starter from "../../../../src/namdrunner/templates/starter.namd?raw";

/** What `namdrunner template new` begins with too. */
export const STARTER = starter;

/** Marks for the editor; problems of no line stand at the first. Lines that are gone meanwhile are left out. */
export function marks(problems: TemplateProblem[], text: string): Diagnostic[] {
  const starts = lineStarts(text);
  return problems.flatMap(({ line, severity, message, remedy }) => {
    const index = Math.max(1, line) - 1;
    const from = starts[index];
    if (from === undefined) return [];
    const next = starts[index + 1];
    const to = next === undefined ? text.length : next - 1;
    return [{ from, to, severity, message: [message, remedy].filter(Boolean).join(" ") }];
  });
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** The id that the text gives itself; empty without one. */
export const idOf = (text: string) => /^\s*#@\s+template\s+(\S+)/m.exec(text)?.[1] ?? "";

/** The same text under another id: the beginning of a template of one's own. */
export const renamed = (text: string, id: string) => text.replace(/^(\s*#@\s+template\s+)\S+/m, `$1${id}`);

/** An id that is free: `npt_copy`, `npt_copy_2`. */
export function freeId(id: string, taken: string[]): string {
  const base = `${id.replace(/_copy(_\d+)?$/, "")}_copy`;
  let found = base;
  for (let n = 2; taken.includes(found); n++) found = `${base}_${n}`;
  return found;
}
