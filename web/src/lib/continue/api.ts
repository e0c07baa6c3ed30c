/** Continuing jobs: what can be gone on from, what would be made, and the tree of jobs. */
import { queryOptions } from "@tanstack/svelte-query";
import { api, ask } from "$lib/api/client";
import type { components } from "$lib/api/schema";

type Schemas = components["schemas"];
export type Checkpoint = Schemas["Checkpoint"];
export type Checkpoints = Schemas["Checkpoints"];
/** Every field has a default; the generated type does not say so. */
type Full = Schemas["ContinueRequest"];
export type ContinueRequest = Partial<Schemas["ContinueRequest"]>;
export type ContinuationPlan = Schemas["ContinuationPlan"];
export type Lineage = Schemas["Lineage"];
export type LineageJob = Schemas["LineageJob"];

const path = (id: string) => ({ params: { path: { job_id: id } } });

export const checkpointsQuery = (id: string) =>
  queryOptions({
    queryKey: ["job-checkpoints", id],
    queryFn: () => ask(api.GET("/api/v1/jobs/{job_id}/checkpoints", path(id))),
    retry: false,
  });

export const planQuery = (id: string, body: ContinueRequest) =>
  queryOptions({
    queryKey: ["job-continuation", id, body],
    queryFn: () => ask(api.POST("/api/v1/jobs/{job_id}/continue/plan", { ...path(id), body: body as Full })),
    retry: false,
  });

export const lineageQuery = (id: string) =>
  queryOptions({
    queryKey: ["job-lineage", id],
    queryFn: () => ask(api.GET("/api/v1/jobs/{job_id}/lineage", path(id))),
  });

/** The energies of all jobs that follow each other, as one series; without `points` every row. */
export const chainEnergies = (id: string, points?: number) =>
  queryOptions({
    queryKey: ["chain-energies", id, points],
    queryFn: () =>
      ask(api.GET("/api/v1/jobs/{job_id}/chain/energies", { params: { path: { job_id: id }, query: { points } } })),
    staleTime: 30_000,
  });

export const continueJob = (id: string, body: ContinueRequest) =>
  ask(api.POST("/api/v1/jobs/{job_id}/continue", { ...path(id), body: body as Full }));

/** What the form holds, as text the person typed. */
export interface ContinueForm {
  from: "newest" | "start" | number;
  length: "plan" | "more";
  more: string;
  unit: "ns" | "ps" | "steps";
  name: string;
  cores: string;
  memory: string;
  walltime: string;
  partition: string;
}

export const emptyForm = (): ContinueForm => ({
  from: "newest",
  length: "plan",
  more: "",
  unit: "ns",
  name: "",
  cores: "",
  memory: "",
  walltime: "",
  partition: "",
});

/** The request of a form, or null where what it says is not complete. */
export function requestOf(form: ContinueForm): ContinueRequest | null {
  const request: ContinueRequest = {};
  if (form.from === "start") request.from_start = true;
  else if (form.from !== "newest") request.checkpoint = form.from;
  if (form.length === "more") {
    const value = Number(form.more);
    if (!form.more.trim() || !Number.isFinite(value) || value <= 0) return null;
    if (form.unit === "steps") {
      if (!Number.isInteger(value)) return null;
      request.steps = value;
    } else request.time = `${value} ${form.unit}`;
  }
  if (form.name.trim()) request.name = form.name.trim();
  const cores = form.cores.trim() ? Number(form.cores) : undefined;
  if (cores !== undefined && !(Number.isInteger(cores) && cores > 0)) return null;
  const resources = {
    ...(cores !== undefined && { cores }),
    ...(form.memory.trim() && { memory: form.memory.trim() }),
    ...(form.walltime.trim() && { walltime: form.walltime.trim() }),
    ...(form.partition.trim() && { partition: form.partition.trim() }),
  };
  if (Object.keys(resources).length) request.resources = resources;
  return request;
}
