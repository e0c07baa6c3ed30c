/** What the states of a job mean to a person: tone, words, and which actions make sense. */
import type { JobState, JobSummary } from "$lib/api/types";

export type Tone = "ok" | "error" | "warn" | "active" | "wait" | "idle";

interface StateFacts {
  label: string;
  tone: Tone;
  icon: "check" | "x" | "alert" | "play" | "clock" | "upload" | "download" | "circle" | "help" | "slash";
}

export const STATES: Record<JobState, StateFacts> = {
  CREATED: { label: "Created", tone: "idle", icon: "circle" },
  UPLOADING: { label: "Uploading", tone: "active", icon: "upload" },
  READY: { label: "Ready", tone: "idle", icon: "circle" },
  SUBMITTING: { label: "Submitting", tone: "active", icon: "upload" },
  SUBMIT_UNKNOWN: { label: "Submission unclear", tone: "warn", icon: "help" },
  PENDING: { label: "Pending", tone: "wait", icon: "clock" },
  RUNNING: { label: "Running", tone: "active", icon: "play" },
  COLLECTING: { label: "Collecting", tone: "active", icon: "download" },
  COMPLETED: { label: "Completed", tone: "ok", icon: "check" },
  FAILED: { label: "Failed", tone: "error", icon: "x" },
  TIMEOUT: { label: "Timed out", tone: "error", icon: "clock" },
  OUT_OF_MEMORY: { label: "Out of memory", tone: "error", icon: "alert" },
  NODE_FAIL: { label: "Node failed", tone: "error", icon: "alert" },
  PREEMPTED: { label: "Preempted", tone: "warn", icon: "alert" },
  CANCELLED: { label: "Cancelled", tone: "idle", icon: "slash" },
  UNKNOWN: { label: "Unknown", tone: "warn", icon: "help" },
};

export const ALL_STATES = Object.keys(STATES) as JobState[];

const FINAL = new Set<JobState>([
  "COMPLETED",
  "FAILED",
  "TIMEOUT",
  "OUT_OF_MEMORY",
  "NODE_FAIL",
  "PREEMPTED",
  "CANCELLED",
]);
const BEFORE = new Set<JobState>(["CREATED", "UPLOADING", "READY"]);

export const isFinal = (state: JobState) => FINAL.has(state);
export const isActive = (state: JobState) => !FINAL.has(state) && !BEFORE.has(state);
export const canSubmit = (state: JobState) => BEFORE.has(state) || state === "SUBMIT_UNKNOWN";
export const canCancel = (state: JobState) => isActive(state);

/** Groups of the filter; a state is in exactly one. */
export const FACETS: { key: string; label: string; states: JobState[] }[] = [
  { key: "prepared", label: "Prepared", states: ["CREATED", "UPLOADING", "READY"] },
  { key: "waiting", label: "Waiting", states: ["SUBMITTING", "SUBMIT_UNKNOWN", "PENDING"] },
  { key: "running", label: "Running", states: ["RUNNING", "COLLECTING", "UNKNOWN"] },
  { key: "completed", label: "Completed", states: ["COMPLETED"] },
  { key: "failed", label: "Failed", states: ["FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED"] },
  { key: "cancelled", label: "Cancelled", states: ["CANCELLED"] },
];

/** Between 0 and 1; null while nothing is known. */
export function fraction(job: Pick<JobSummary, "progress" | "status">): number | null {
  const { step, target_step: target } = job.progress ?? {};
  if (step == null || !target) return null;
  return Math.min(1, Math.max(0, step / target));
}

/** Seconds it has run; counts on while it does. */
export function elapsed(job: Pick<JobSummary, "started_at" | "ended_at" | "status">, now: number): number | null {
  if (!job.started_at) return null;
  const end = job.ended_at ? Date.parse(job.ended_at) : isFinal(job.status) ? null : now;
  return end === null ? null : Math.max(0, (end - Date.parse(job.started_at)) / 1000);
}
