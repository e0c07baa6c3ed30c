/** What is done to a template from its list and from its page. */
import type { QueryClient } from "@tanstack/svelte-query";
import { api, ask } from "$lib/api/client";
import { router } from "$lib/router.svelte";
import { toasts } from "$lib/toasts.svelte";

export interface ImportedTemplate {
  name: string;
  template: { id: string; title: string };
  named: Record<string, string[]>;
  files: Record<string, string[]>;
  notes: string[];
}

export interface ImportResult {
  imported: ImportedTemplate[];
  skipped: { name: string; reason: string }[];
}

/** A copy of one's own, opened for editing. */
export async function copyTemplate(client: QueryClient, id: string): Promise<void> {
  try {
    const path = { template_id: id };
    const copy = await ask(api.POST("/api/v1/templates/{template_id}/duplicate", { params: { path }, body: {} }));
    await client.invalidateQueries({ queryKey: ["templates"] });
    router.go(`/templates/${encodeURIComponent(copy.id)}/edit`);
  } catch (error) {
    toasts.error(error);
  }
}
