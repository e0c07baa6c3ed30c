/** The form of a cluster: text as typed, and what is sent of it. */
import type { ClusterChanges } from "$lib/api/types";

export interface ClusterFields {
  name: string;
  host: string;
  port: string;
  user: string;
  identity_file: string;
  profile: string;
  project_root: string;
  scratch_root: string;
}

/** What is sent to add a cluster; empty fields are left to their defaults. */
export function filled(fields: ClusterFields): ClusterChanges & { name: string; host: string } {
  const text = (value: string) => value.trim() || undefined;
  return {
    name: fields.name.trim(),
    host: fields.host.trim(),
    port: fields.port.trim() ? Number(fields.port) : undefined,
    user: text(fields.user),
    identity_file: text(fields.identity_file),
    profile: text(fields.profile),
    project_root: text(fields.project_root),
    scratch_root: text(fields.scratch_root),
  };
}

/** What is sent to change one: fields that are no longer what they were; emptied ones go back to their defaults. */
export function changesOf(before: ClusterFields, now: ClusterFields): ClusterChanges {
  const changes: Record<string, string | number | null> = {};
  for (const key of Object.keys(now) as (keyof ClusterFields)[]) {
    const text = now[key].trim();
    if (key === "name" || text === before[key].trim()) continue;
    if (key === "port") changes.port = text ? Number(text) : null;
    else if (key === "user" || key === "identity_file") changes[key] = text || null;
    else changes[key] = text;
  }
  return changes;
}
