/** How an event changes what was loaded before. */
import type { Activity, ClusterDocument, Connection, JobSummary } from "./api/types";

export interface JobPage {
  jobs: JobSummary[];
  total: number;
}

const KEPT = 2000;

/** `known`: the job is on the page; `moved`: it may have to be sorted or filtered anew. */
export function patchJob(
  page: JobPage | undefined,
  job: JobSummary,
): { page: JobPage | undefined; known: boolean; moved: boolean } {
  const index = page?.jobs.findIndex((row) => row.id === job.id) ?? -1;
  const old = page?.jobs[index];
  if (!page || !old) return { page, known: false, moved: false };
  const jobs = page.jobs.with(index, job);
  return { page: { ...page, jobs }, known: true, moved: old.status !== job.status };
}

export function patchConnection(
  clusters: ClusterDocument[] | undefined,
  connection: Connection,
): ClusterDocument[] | undefined {
  const { state, since, reason } = connection;
  return clusters?.map((cluster) =>
    cluster.name === connection.cluster ? { ...cluster, state, since, reason } : cluster,
  );
}

export function patchActivity(entries: Activity[] | undefined, entry: Activity): Activity[] | undefined {
  return entries && [...entries.slice(-KEPT + 1), entry];
}
