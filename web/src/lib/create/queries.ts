/** What the server says of a draft while it is made. */
import { keepPreviousData, queryOptions } from "@tanstack/svelte-query";
import { api, ask } from "$lib/api/client";
import type { DryRun, JobRequest, ResourcePlan, Variable } from "$lib/api/types";
import { isFile, missing, shownVariables, type FileChoice, type Values } from "./variables";

export const resourcePlan = (request: JobRequest) =>
  queryOptions({
    queryKey: ["resource-plan", request],
    queryFn: async ({ signal }) =>
      (await ask(api.POST("/api/v1/jobs/resources", { body: request, signal }))) as unknown as ResourcePlan,
    placeholderData: keepPreviousData,
    enabled: Boolean(request.cluster),
  });

/** When a job with these resources would start; asked for by hand only. */
export const expectedStart = (request: JobRequest, wanted: boolean) =>
  queryOptions({
    queryKey: ["expected-start", request],
    queryFn: ({ signal }) => ask(api.POST("/api/v1/jobs/expected-start", { body: request, signal })),
    enabled: wanted && Boolean(request.cluster),
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
  });

export const rendered = (template: string, values: Values, files: FileChoice) =>
  queryOptions({
    queryKey: ["rendered", template, values, files],
    queryFn: ({ signal }) =>
      ask(
        api.POST("/api/v1/templates/{template_id}/render", {
          params: { path: { template_id: template } },
          body: { values, files },
          signal,
        }),
      ),
    enabled: Boolean(template),
    placeholderData: keepPreviousData,
  });

/** Files of which a part is on the server. */
export const incomingQuery = queryOptions({
  queryKey: ["incoming"],
  queryFn: async () => (await ask(api.GET("/api/v1/uploads/incoming"))).incoming,
});

/** Never from memory: files may have changed. `slurm`: Slurm is asked, too, whether and when it would start the job. */
export const dryRun = (request: JobRequest, ready: boolean, slurm = false) =>
  queryOptions({
    queryKey: ["dry-run", request, slurm],
    queryFn: async ({ signal }) => {
      const params = { query: { ask_cluster: slurm } };
      return (await ask(api.POST("/api/v1/jobs/dry-run", { params, body: request, signal }))) as unknown as DryRun;
    },
    enabled: ready,
    staleTime: 0,
    gcTime: 0,
  });

/** Cells that nothing says yet: not typed, no file in their place, and no coordinates to read them from. */
export function wantedCells(variables: Variable[], values: Values, files: FileChoice): Variable[] {
  const readable = Object.values(files)
    .flat()
    .some((path) => /\.pdb$/i.test(path));
  return shownVariables(variables, values).filter(
    ({ name, type, optional, unless }) =>
      type === "cell" && !optional && !values[name] && !readable && !files[unless ?? ""]?.length,
  );
}

/** Stand-ins for what is missing, so that the config can be shown before everything is given. */
export function withStandIns(
  variables: Variable[],
  values: Values,
  files: FileChoice,
): { values: Values; files: FileChoice } {
  const filled = { values: { ...values }, files: { ...files } };
  for (const variable of missing(variables, values, files)) {
    if (isFile(variable)) filled.files[variable.name] = [`${variable.name}${variable.extensions[0] ?? ""}`];
    else if (variable.type === "number" || variable.type === "integer")
      filled.values[variable.name] = variable.minimum ?? 1;
    else if (variable.type === "text") filled.values[variable.name] = variable.name;
  }
  for (const { name, unless } of wantedCells(variables, values, files)) {
    if (!filled.files[unless ?? ""]?.length) filled.values[name] = "1 1 1";
  }
  return filled;
}
