/** The filter of the jobs list lives in the address, so that it can be linked to and survives a reload. */
import type { JobFilter } from "$lib/api/queries";
import { FACETS } from "./state";

export const DEFAULT_SORT = "-created_at";
export const SORTABLE = ["name", "status", "cluster", "submitted_at", "created_at"] as const;

export function filterFrom(query: URLSearchParams): JobFilter {
  const wanted = new Set((query.get("show") ?? "").split(",").filter(Boolean));
  const sort = query.get("sort") ?? DEFAULT_SORT;
  return {
    status: FACETS.filter((facet) => wanted.has(facet.key)).flatMap((facet) => facet.states),
    cluster: query.get("cluster") ?? "",
    template: query.get("template") ?? "",
    search: query.get("search") ?? "",
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
  filter.status.length > 0 || Boolean(filter.cluster || filter.template || filter.search);
