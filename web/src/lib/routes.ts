/** Which page an address shows, and the trail of names above it. */

export type PageName = "jobs" | "job" | "create" | "templates" | "template" | "editor" | "settings" | "missing";

export interface Place {
  page: PageName;
  params: Record<string, string>;
}

const ROUTES: [PageName, string][] = [
  ["jobs", "/"],
  ["jobs", "/jobs"],
  ["job", "/jobs/:id"],
  ["job", "/jobs/:id/:tab"],
  ["create", "/create"],
  ["create", "/create/:step"],
  ["templates", "/templates"],
  ["editor", "/templates/new"],
  ["template", "/templates/:id"],
  ["editor", "/templates/:id/edit"],
  ["settings", "/settings"],
  ["settings", "/settings/:section"],
];

export function place(path: string): Place {
  const parts = split(path);
  for (const [page, pattern] of ROUTES) {
    const params = match(split(pattern), parts);
    if (params) return { page, params };
  }
  return { page: "missing", params: {} };
}

function split(path: string): string[] {
  return path.split("/").filter(Boolean);
}

function match(pattern: string[], parts: string[]): Record<string, string> | null {
  if (pattern.length !== parts.length) return null;
  const params: Record<string, string> = {};
  for (const [index, wanted] of pattern.entries()) {
    const part = parts[index] ?? "";
    if (wanted.startsWith(":")) {
      try {
        params[wanted.slice(1)] = decodeURIComponent(part);
      } catch {
        return null;
      }
    } else if (wanted !== part) return null;
  }
  return params;
}

export const jobPath = (id: string, tab = "") => `/jobs/${encodeURIComponent(id)}${tab ? `/${tab}` : ""}`;
