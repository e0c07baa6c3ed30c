/** What is missing before a job can be checked, and where it is entered. */
import type { Variable } from "$lib/api/types";
import { sentFiles, type Draft } from "./draft";
import { complaint, missing, shownVariables } from "./variables";

export interface Open {
  label: string;
  step: string;
  field: string;
}

const RESOURCES = "/create";
const CONFIGURE = "/create/configure";

/** `sending`: how many files are on their way; `ready`: the template is known. */
export function openItems(draft: Draft, variables: Variable[], sending: number, ready: boolean): Open[] {
  const items: Open[] = [];
  if (!draft.name.trim()) items.push({ label: "Name the job", step: RESOURCES, field: "create-name" });
  if (!draft.cluster) items.push({ label: "Choose a cluster", step: RESOURCES, field: "create-cluster" });
  if (sending)
    items.push({ label: `Wait for ${sending} of the files to be copied`, step: CONFIGURE, field: "create-files" });
  if (draft.source === "config") {
    if (!draft.config.trim()) items.push({ label: "Choose a NAMD config", step: CONFIGURE, field: "create-source" });
    return items;
  }
  if (!draft.template || !ready) {
    items.push({ label: "Choose a template", step: CONFIGURE, field: "create-source" });
    return items;
  }
  for (const { name, label } of missing(variables, draft.values, sentFiles(variables, draft.files))) {
    items.push({ label: `${label || name} is needed`, step: CONFIGURE, field: `var-${name}` });
  }
  for (const variable of shownVariables(variables, draft.values)) {
    const words = complaint(variable, draft.values[variable.name]);
    if (words)
      items.push({
        label: `${variable.label || variable.name}: ${words}`,
        step: CONFIGURE,
        field: `var-${variable.name}`,
      });
  }
  return items;
}
