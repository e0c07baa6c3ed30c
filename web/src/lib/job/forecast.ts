/** When a running job will be done, and whether its walltime is long enough. */
import type { JobDocument } from "$lib/api/types";

export interface Outlook {
  /** Milliseconds since the epoch. */
  ends: number;
  /** When Slurm ends it; null without a walltime. */
  limit: number | null;
  /** Seconds between the two; negative where the walltime is too short. */
  spare: number | null;
  /** The step it gets to before its walltime, where that is not the last. */
  reaches: number | null;
}

type Known = Pick<JobDocument, "status" | "progress" | "started_at" | "walltime_s" | "synced_at">;

/** Null where nothing is known: before the first steps, and when the job has ended. */
export function outlook(job: Known): Outlook | null {
  const { eta_s: eta, step, target_step: target } = job.progress ?? {};
  if (job.status !== "RUNNING" || eta == null || !job.synced_at) return null;
  const seen = Date.parse(job.synced_at);
  const ends = seen + eta * 1000;
  const limit = job.started_at && job.walltime_s ? Date.parse(job.started_at) + job.walltime_s * 1000 : null;
  const spare = limit === null ? null : Math.round((limit - ends) / 1000);
  let reaches: number | null = null;
  if (limit !== null && spare !== null && spare < 0 && step != null && target != null && eta > 0) {
    const share = Math.max(0, (limit - seen) / 1000 / eta);
    reaches = Math.round(step + (target - step) * share);
  }
  return { ends, limit, spare, reaches };
}

/** Simulated time of so many steps. */
export const simulatedNs = (steps: number | null | undefined, timestepFs: number | null | undefined) =>
  steps == null || !timestepFs ? null : steps * timestepFs * 1e-6;
