/** What people do with jobs; each starts a task on the server, which goes on when the page is left. */
import { api, ask } from "$lib/api/client";
import type { ErrorObject, Task } from "$lib/api/types";
import { live } from "$lib/live.svelte";
import { toasts } from "$lib/toasts.svelte";

const path = (id: string) => ({ params: { path: { job_id: id } } });

export const submitJob = (id: string) => ask(api.POST("/api/v1/jobs/{job_id}/submit", path(id)));
export const cancelJob = (id: string) => ask(api.POST("/api/v1/jobs/{job_id}/cancel", path(id)));
export const deleteJob = (id: string, keepRemote = false) =>
  ask(api.DELETE("/api/v1/jobs/{job_id}", { params: { path: { job_id: id }, query: { keep_remote: keepRemote } } }));
export const syncJobs = (body: { cluster?: string; job?: string } = {}) => ask(api.POST("/api/v1/jobs/sync", { body }));

export const submitJobs = (jobs: string[]) => ask(api.POST("/api/v1/jobs/submit", { body: { jobs } }));
export const cancelJobs = (jobs: string[]) => ask(api.POST("/api/v1/jobs/cancel", { body: { jobs } }));
export const deleteJobs = (jobs: string[], keep_remote: boolean) =>
  ask(api.POST("/api/v1/jobs/delete", { body: { jobs, keep_remote } }));
export const downloadJobs = (jobs: string[], patterns: string[], to: string) =>
  ask(api.POST("/api/v1/jobs/download", { body: { jobs, patterns, to } }));

/** As many as one request takes. */
const AT_ONCE = 1000;

/** Do it with many jobs; `done` says what was done with how many, and each refusal is told once in its own words. */
export async function withMany(
  ids: string[],
  action: (ids: string[]) => Promise<Task>,
  done: (count: number) => string,
): Promise<void> {
  const refused = new Map<string, { count: number; remedy: string }>();
  let count = 0;
  try {
    for (let start = 0; start < ids.length; start += AT_ONCE) {
      const part = ids.slice(start, start + AT_ONCE);
      const begun = await action(part);
      live.note(begun);
      const task = await finished(begun);
      live.note(task);
      if (task.state !== "done") break; // a failure is told where the person is
      const errors = Object.values((task.result?.refused ?? {}) as Record<string, ErrorObject>);
      count += part.length - errors.length;
      for (const { message, remedy = "" } of errors) {
        refused.set(message, { count: (refused.get(message)?.count ?? 0) + 1, remedy });
      }
    }
  } catch (error) {
    toasts.error(error);
  }
  if (count) toasts.show("ok", done(count));
  for (const [message, { count: times, remedy }] of [...refused].slice(0, 3)) {
    toasts.show("error", times > 1 ? `${times} jobs: ${message}` : message, { remedy });
  }
}

/** The task once it has ended; throws its error. */
export async function finished(task: Task): Promise<Task> {
  let current = task;
  while (current.state === "running") {
    current = await ask(
      api.GET("/api/v1/tasks/{task_id}", { params: { path: { task_id: task.id }, query: { wait_s: 20 } } }),
    );
  }
  return current;
}
