/** What people do with jobs; each starts a task on the server, which goes on when the page is left. */
import { api, ask } from "$lib/api/client";
import type { Task } from "$lib/api/types";
import { toasts } from "$lib/toasts.svelte";

const path = (id: string) => ({ params: { path: { job_id: id } } });

export const submitJob = (id: string) => ask(api.POST("/api/v1/jobs/{job_id}/submit", path(id)));
export const cancelJob = (id: string) => ask(api.POST("/api/v1/jobs/{job_id}/cancel", path(id)));
export const deleteJob = (id: string, keepRemote = false) =>
  ask(api.DELETE("/api/v1/jobs/{job_id}", { params: { path: { job_id: id }, query: { keep_remote: keepRemote } } }));
export const downloadJob = (id: string, patterns: string[], to: string) =>
  ask(api.POST("/api/v1/jobs/{job_id}/download", { ...path(id), body: { patterns, to } }));
export const syncJobs = (body: { cluster?: string; job?: string } = {}) => ask(api.POST("/api/v1/jobs/sync", { body }));

/** Do it for each job, one after another; errors are said once each. */
export async function forEach(ids: string[], action: (id: string) => Promise<Task>): Promise<number> {
  let started = 0;
  for (const id of ids) {
    try {
      await action(id);
      started += 1;
    } catch (error) {
      toasts.error(error);
    }
  }
  return started;
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
