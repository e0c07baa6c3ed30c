/** What can be done about a finding without leaving the review, or the field where it is changed. */
import type { DryRun, Finding, Variable } from "$lib/api/types";
import { walltime } from "$lib/format";
import { memoryText, type Draft } from "./draft";

export type Fix =
  | { kind: "apply"; label: string; apply: (draft: Draft) => void }
  | { kind: "show"; label: string; step: string; field: string };

const FIELDS: Record<string, string> = { walltime_s: "walltime", memory_bytes: "memory" };
const PLAIN = new Set(["partition", "qos", "account", "cores", "nodes", "gpus", "memory", "walltime"]);
const QUARTER_S = 900;
const GIB = 1024 ** 3;

/** Where the rendered template takes each variable from: the NAMD keyword of its line. */
export function variableOf(keyword: string, template: string, variables: Variable[]): Variable | undefined {
  const wanted = keyword.toLowerCase();
  for (const line of template.split("\n")) {
    const [word = "", ...rest] = line.trim().split(/\s+/);
    if (word.toLowerCase() !== wanted) continue;
    const [, name] = /\{\{\s*([A-Za-z_]\w*)/.exec(rest.join(" ")) ?? [];
    const found = variables.find((one) => one.name === name);
    if (found) return found;
  }
  return undefined;
}

export function fixOf(finding: Finding, plan: DryRun, template: string, variables: Variable[]): Fix | null {
  const { code, keyword } = finding;
  const { walltime_s: time, memory_bytes: memory } = plan.forecast ?? {};
  if (/^walltime-(too-short|tight)$/.test(code) && time) {
    const text = walltime(Math.ceil(time / QUARTER_S) * QUARTER_S);
    return { kind: "apply", label: `Ask for ${text}`, apply: ({ resources }) => (resources.walltime = text) };
  }
  if (code === "memory-short" && memory) {
    const text = memoryText(Math.ceil((memory * 1.2) / GIB) * GIB);
    return { kind: "apply", label: `Ask for ${text}`, apply: ({ resources }) => (resources.memory = text) };
  }
  const field = FIELDS[keyword ?? ""] ?? keyword ?? "";
  if (PLAIN.has(field)) return { kind: "show", label: "Change it", step: "/create", field: `create-${field}` };
  const variable = keyword ? variableOf(keyword, template, variables) : undefined;
  if (!variable) return null;
  const label = `Change ${variable.label || variable.name}`;
  return { kind: "show", label, step: "/create/configure", field: `var-${variable.name}` };
}
