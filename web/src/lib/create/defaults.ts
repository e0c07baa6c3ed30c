/** What the settings say of new jobs, put into a draft that nobody has touched. */
import type { Values } from "$lib/settings/acting";
import { isUntouched, type Draft, type ResourceText } from "./draft";

const RESOURCES = ["partition", "qos", "account", "cores", "memory", "walltime"] as const;

/** Changes the draft where it is empty; resources only where they are meant for its cluster. */
export function applyDefaults(draft: Draft, values: Values, clusters: string[]): void {
  if (!isUntouched(draft)) return;
  const text = (key: string) => (values[key] === null || values[key] === undefined ? "" : String(values[key]));
  const wanted = text("defaults.cluster");
  if (wanted && clusters.includes(wanted)) draft.cluster = wanted;
  if (text("defaults.template")) draft.template = text("defaults.template");
  if (wanted && draft.cluster !== wanted) return;
  const resources: ResourceText = { ...draft.resources };
  for (const name of RESOURCES) resources[name] = text(`defaults.${name}`);
  draft.resources = resources;
}
