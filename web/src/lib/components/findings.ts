import type { Severity } from "$lib/api/types";

const ORDER: Severity[] = ["error", "warning", "advice"];

/** In groups, the gravest first; the order within a group is kept, and empty groups are left out. */
export function bySeverity<T extends { severity: Severity }>(findings: T[]): { severity: Severity; items: T[] }[] {
  return ORDER.map((severity) => ({ severity, items: findings.filter((found) => found.severity === severity) })).filter(
    ({ items }) => items.length > 0,
  );
}
