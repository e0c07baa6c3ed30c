/** Which field of the form an error of the server belongs to. */
import { toApiError, type ApiError } from "$lib/api/client";
import type { Finding } from "$lib/api/types";
import type { ResourceText } from "./draft";

export interface FieldErrors {
  /** Sentences by variable of the template. */
  variables: Record<string, string>;
  /** Sentences by field of the resources, and `name`, `cluster`, `config`. */
  fields: Record<string, string>;
  /** What belongs to no field. */
  rest: ApiError | null;
}

export type ResourceField = keyof ResourceText;

const FIELDS = new Set(["partition", "qos", "account", "cores", "nodes", "gpus", "memory", "walltime"]);
const BY_CODE: [RegExp, string][] = [
  [/^job-name-/, "name"],
  [/^memory-/, "memory"],
  [/^walltime-/, "walltime"],
  [/^gpus?-/, "gpus"],
  [/^cores-/, "cores"],
  [/^nodes-/, "nodes"],
  [/^qos-/, "qos"],
  [/^partition-/, "partition"],
  [/^config-/, "config"],
  [/^(cluster-not-found|cluster-unknown)$/, "cluster"],
];

const sentence = (message: string, remedy = "") => [message, remedy].filter(Boolean).join(" ");

export function placed(reason: unknown): FieldErrors {
  const error = toApiError(reason);
  const found: FieldErrors = { variables: {}, fields: {}, rest: null };
  const problems = list(error.context.problems).filter((problem) => text(problem.variable));
  if (problems.length) {
    for (const problem of problems) {
      found.variables[text(problem.variable)] ??= sentence(text(problem.message), text(problem.remedy));
    }
    return found;
  }
  if (text(error.context.variable)) {
    found.variables[text(error.context.variable)] = sentence(error.message, error.remedy);
    return found;
  }
  const invalid = list(error.context.errors);
  for (const { field, message } of invalid) {
    const name = text(field).replace(/^resources\./, "");
    if (FIELDS.has(name) || name === "name") found.fields[name] = text(message);
  }
  if (Object.keys(found.fields).length) return found;
  const field = text(error.context.field) || BY_CODE.find(([code]) => code.test(error.code))?.[1];
  if (field) found.fields[field] = sentence(error.message, error.remedy);
  else found.rest = error;
  return found;
}

/** Findings about resources that name a field of the form. */
export function atFields(findings: Finding[]): Partial<Record<ResourceField, Finding>> {
  const found: Partial<Record<ResourceField, Finding>> = {};
  for (const finding of findings) {
    const field = (finding.keyword ?? "").replace(/_(s|bytes)$/, "");
    if (FIELDS.has(field)) found[field as ResourceField] ??= finding;
  }
  return found;
}

const list = (value: unknown) => (Array.isArray(value) ? (value as Record<string, unknown>[]) : []);
const text = (value: unknown) => (typeof value === "string" ? value : "");
