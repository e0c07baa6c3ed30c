/** What the checks found, in the order a person should read it. */
import type { Finding, Severity } from "$lib/api/types";

export const SEVERITIES: { key: Severity; one: string; many: string }[] = [
  { key: "error", one: "error", many: "errors" },
  { key: "warning", one: "warning", many: "warnings" },
  { key: "advice", one: "remark", many: "remarks" },
];

export interface Group {
  severity: Severity;
  title: string;
  findings: Finding[];
}

export function grouped(findings: Finding[]): Group[] {
  return SEVERITIES.map(({ key, one, many }) => {
    const those = findings.filter((finding) => finding.severity === key);
    return { severity: key, title: `${those.length} ${those.length === 1 ? one : many}`, findings: those };
  }).filter((group) => group.findings.length > 0);
}

export const hasErrors = (findings: Finding[]) => findings.some((finding) => finding.severity === "error");

/** `prod.namd, line 12`, or nothing where it belongs to no place. */
export function place({ file, line, keyword }: Finding): string {
  const where = [file ?? "", line ? `line ${line}` : ""].filter(Boolean).join(", ");
  return where || (keyword ?? "");
}
