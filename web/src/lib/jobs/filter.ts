/** The filter of the jobs list lives in the address, so that it can be linked to and survives a reload. */
import type { JobFilter } from "$lib/api/queries";
import { FACETS } from "./state";

export const DEFAULT_SORT = "-created_at";
export const SORTABLE = ["name", "status", "cluster", "submitted_at", "created_at"] as const;

/** Days back from today that can be chosen. */
export const PERIODS: { key: string; label: string; days: number }[] = [
  { key: "today", label: "Today", days: 0 },
  { key: "week", label: "Last 7 days", days: 7 },
  { key: "month", label: "Last 30 days", days: 30 },
  { key: "year", label: "Last 365 days", days: 365 },
];

/** Midnight so many days ago, in local time; the same all day long. */
export function sinceOf(key: string, now = new Date()): string {
  const period = PERIODS.find((one) => one.key === key);
  if (!period) return "";
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - period.days).toISOString();
}

export function filterFrom(query: URLSearchParams): JobFilter {
  const wanted = new Set((query.get("show") ?? "").split(",").filter(Boolean));
  const sort = query.get("sort") ?? DEFAULT_SORT;
  return {
    status: FACETS.filter((facet) => wanted.has(facet.key)).flatMap((facet) => facet.states),
    cluster: query.get("cluster") ?? "",
    template: query.get("template") ?? "",
    search: query.get("search") ?? "",
    since: sinceOf(query.get("created") ?? ""),
    sort: (SORTABLE as readonly string[]).includes(sort.replace(/^-/, "")) ? sort : DEFAULT_SORT,
  };
}

/** The `show` of the address after a click on a facet. */
export function toggled(show: string, key: string): string {
  const wanted = new Set(show.split(",").filter(Boolean));
  if (!wanted.delete(key)) wanted.add(key);
  return FACETS.filter((facet) => wanted.has(facet.key))
    .map((facet) => facet.key)
    .join(",");
}

/** A click on a column: by it, then the other way round. Dates begin with the newest. */
export function nextSort(sort: string, column: string): string {
  const newestFirst = column.endsWith("_at");
  if (sort.replace(/^-/, "") !== column) return newestFirst ? `-${column}` : column;
  return sort.startsWith("-") ? column : `-${column}`;
}

export const isFiltered = (filter: JobFilter) =>
  filter.status.length > 0 || Boolean(filter.cluster || filter.template || filter.search || filter.since);
