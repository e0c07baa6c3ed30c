/** One definition per thing that is loaded; keys start with the noun, so that events can refresh by noun. */
import { keepPreviousData, queryOptions } from "@tanstack/svelte-query";
import { api, ask } from "./client";
import type { Activity, JobDocument, JobState, TemplateDocument } from "./types";

export interface JobFilter {
  status: JobState[];
  cluster: string;
  template: string;
  search: string;
  sort: string;
  /** Created then or later: RFC 3339, or empty. */
  since?: string;
}

export const PAGE = 200;

export const jobPage = (filter: JobFilter, page: number) =>
  queryOptions({
    queryKey: ["jobs", filter, page],
    queryFn: ({ signal }) => {
      const { status, cluster, template, search, sort, since } = filter;
      const some = { cluster: cluster || undefined, template: template || undefined, since: since || undefined };
      const query = { status, search, sort, ...some };
      return ask(
        api.GET("/api/v1/jobs", { params: { query: { ...query, limit: PAGE, offset: page * PAGE } }, signal }),
      );
    },
    placeholderData: keepPreviousData,
  });

const job = (id: string) => ({ params: { path: { job_id: id } } });

export const jobQuery = (id: string) =>
  queryOptions({
    queryKey: ["job", id],
    queryFn: async () => (await ask(api.GET("/api/v1/jobs/{job_id}", job(id)))) as unknown as JobDocument,
  });

export const jobScript = (id: string) =>
  queryOptions({
    queryKey: ["job-script", id],
    queryFn: () => ask(api.GET("/api/v1/jobs/{job_id}/script", job(id))),
    staleTime: Infinity,
  });

export const jobFiles = (id: string) =>
  queryOptions({
    queryKey: ["job-files", id],
    queryFn: () => ask(api.GET("/api/v1/jobs/{job_id}/files", job(id))),
  });

/** The whole run, thinned to so many points where it is long. */
export const jobEnergies = (id: string, points: number) =>
  queryOptions({
    queryKey: ["job-energies", id, points],
    queryFn: () =>
      ask(api.GET("/api/v1/jobs/{job_id}/energies", { params: { path: { job_id: id }, query: { points } } })),
    staleTime: Infinity,
  });

export const energyRows = (id: string, query: { after: number; until: number; points?: number }) =>
  queryOptions({
    queryKey: ["energy-rows", id, query],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/v1/jobs/{job_id}/energies", { params: { path: { job_id: id }, query }, signal })),
    staleTime: Infinity,
    gcTime: 60_000,
  });

export const jobPerformance = (id: string) =>
  queryOptions({
    queryKey: ["job-performance", id],
    queryFn: () => ask(api.GET("/api/v1/jobs/{job_id}/performance", job(id))),
  });

export const jobStructure = (id: string) =>
  queryOptions({
    queryKey: ["job-files", id, "structure"],
    queryFn: () => ask(api.GET("/api/v1/jobs/{job_id}/structure", job(id))),
  });

export const structureFacts = (id: string, name: string, version: string) =>
  queryOptions({
    queryKey: ["structure-facts", id, name, version],
    queryFn: () =>
      ask(
        api.GET("/api/v1/jobs/{job_id}/structure/facts", {
          params: { path: { job_id: id }, query: { name } },
        }),
      ),
    staleTime: Infinity,
  });

export const clustersQuery = queryOptions({
  queryKey: ["clusters"],
  queryFn: async () => (await ask(api.GET("/api/v1/clusters"))).clusters,
});

export const statusQuery = queryOptions({
  queryKey: ["status"],
  queryFn: () => ask(api.GET("/api/v1/status")),
});

export const templatesQuery = queryOptions({
  queryKey: ["templates"],
  queryFn: async () => (await ask(api.GET("/api/v1/templates"))).templates,
});

export const templateQuery = (id: string) =>
  queryOptions({
    queryKey: ["templates", id],
    queryFn: async () =>
      (await ask(
        api.GET("/api/v1/templates/{template_id}", { params: { path: { template_id: id } } }),
      )) as unknown as TemplateDocument,
  });

export const templateHistoryQuery = (id: string) =>
  queryOptions({
    queryKey: ["template-history", id],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/v1/templates/{template_id}/history", { params: { path: { template_id: id } }, signal })),
  });

export const settingsQuery = queryOptions({
  queryKey: ["settings"],
  queryFn: ({ signal }) => ask(api.GET("/api/v1/settings", { signal })),
  staleTime: 60_000,
});

export const activityQuery = queryOptions({
  queryKey: ["activity"],
  queryFn: async () =>
    (await ask(api.GET("/api/v1/activity", { params: { query: { limit: 500 } } }))).activity as unknown as Activity[],
});

/** Asked again while somebody looks. */
export const limitsQuery = queryOptions({
  queryKey: ["limits"],
  queryFn: async () => (await ask(api.GET("/api/v1/limits"))).limits,
  refetchInterval: 2000,
});

export const promptsQuery = queryOptions({
  queryKey: ["prompts"],
  queryFn: async () => (await ask(api.GET("/api/v1/prompts"))).prompts,
});

export const tasksQuery = queryOptions({
  queryKey: ["tasks"],
  queryFn: async () => (await ask(api.GET("/api/v1/tasks"))).tasks,
});

export const profilesQuery = queryOptions({
  queryKey: ["profiles"],
  queryFn: async () => (await ask(api.GET("/api/v1/profiles"))).profiles,
  staleTime: Infinity,
});

export const discoveryQuery = (name: string) =>
  queryOptions({
    queryKey: ["discovery", name],
    queryFn: () => ask(api.GET("/api/v1/clusters/{name}/discovery", { params: { path: { name } } })),
    retry: false,
  });

export const clusterProfileQuery = (name: string) =>
  queryOptions({
    queryKey: ["clusters", name, "profile"],
    queryFn: () => ask(api.GET("/api/v1/clusters/{name}/profile", { params: { path: { name } } })),
  });

export const storageQuery = queryOptions({
  queryKey: ["storage"],
  queryFn: () => ask(api.GET("/api/v1/storage")),
});
