/** What settings do in the page: the theme of browsers that chose none, and what is said of jobs that ended. */
import type { JobSummary } from "$lib/api/types";
import { isFinal } from "$lib/jobs/state";
import { jobPath } from "$lib/routes";
import type { Setting } from "./form";

export type Values = Record<string, Setting["value"]>;

export const valuesOf = (settings: Setting[]): Values =>
  Object.fromEntries(settings.map(({ key, value }) => [key, value]));

export interface Notice {
  tone: "ok" | "error";
  text: string;
  remedy: string;
  href: string;
  desktop: boolean;
}

/** What to say of a job that has just come to its end; null for silence. */
export function noticeOf(job: JobSummary, values: Values): Notice | null {
  if (!isFinal(job.status) || job.status === "CANCELLED") return null;
  const completed = job.status === "COMPLETED";
  if (values[completed ? "notifications.completed" : "notifications.failed"] === false) return null;
  return {
    tone: completed ? "ok" : "error",
    text: completed ? `${job.name} completed.` : `${job.name} ended: ${job.status.toLowerCase().replaceAll("_", " ")}.`,
    remedy: "",
    href: jobPath(job.id),
    desktop: values["notifications.desktop"] === true,
  };
}

/** Whether an end is news: not one of long ago that is only told once more. */
export function isNews(job: JobSummary, now: number): boolean {
  const ended = Date.parse(job.ended_at ?? "");
  return Number.isFinite(ended) && now - ended < 60 * 60 * 1000;
}
