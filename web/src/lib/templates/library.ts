/** The templates of a library: which are the person's own, and how a copy of one is called. */
import type { TemplateSummary } from "$lib/api/types";
import { freeId } from "./problems";

export const isOwn = (template: Pick<TemplateSummary, "source">) => template.source !== "built-in";

export const copyName = (template: { id: string }, all: TemplateSummary[]) =>
  freeId(
    template.id,
    all.map(({ id }) => id),
  );

/** Whether a template is meant for a cluster: it names none, or this one. */
export const suits = (clusters: string[], cluster: string) =>
  !clusters.length || !cluster || clusters.includes(cluster);
