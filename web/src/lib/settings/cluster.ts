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

/** Empty fields go back to their defaults; a port that is no number is left to the server to refuse. */
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
