/** The files of a job as a person looks for them: results first, then logs, inputs, and the rest. */
import type { JobFiles } from "$lib/api/types";

export interface FileRow {
  /** The name the server knows it by. */
  path: string;
  label: string;
  bytes: number;
  modified_at: string | null;
  sha256: string | null;
  role: string;
}

export interface FileGroup {
  name: string;
  rows: FileRow[];
  total: number;
}

const GROUPS: [string, string][] = [
  ["outputs/", "Results"],
  ["scratch/", "Run folder, while it runs"],
  ["logs/", "Logs"],
  ["input_files/", "Inputs"],
  ["", "Job"],
];

export function groupFiles(files: JobFiles): FileGroup[] {
  const rows = [
    ...files.outputs.map((f) => row(f.name, f.bytes, f.modified_at ?? null, f.sha256 ?? null, "")),
    ...files.inputs.map((f) => row(`input_files/${f.name}`, f.bytes, null, f.sha256, f.role ?? "")),
  ];
  const groups = GROUPS.map(([prefix, name]): FileGroup => ({
    name,
    rows: rows.filter((r) => prefixOf(r.path) === prefix),
    total: 0,
  }));
  for (const group of groups) group.total = group.rows.reduce((sum, { bytes }) => sum + bytes, 0);
  return groups.filter((group) => group.rows.length > 0);
}

const prefixOf = (path: string) => GROUPS.find(([prefix]) => path.startsWith(prefix))?.[0] ?? "";

function row(path: string, bytes: number, modified: string | null, sha256: string | null, role: string): FileRow {
  return { path, label: path.slice(prefixOf(path).length), bytes, modified_at: modified, sha256, role };
}

const TEXT =
  /\.(log|err|out|namd|conf|sbatch|sh|tcl|txt|tsv|csv|json|xsc|xst|pdb|psf|prm|par|str|inp|rtf|exb|extra|colvars\.state|traj)$/i;

export const isText = (path: string) => TEXT.test(path) || /(^|\/)receipt$/.test(path);

export const contentUrl = (job: string, path: string) =>
  `/api/v1/jobs/${encodeURIComponent(job)}/files/content?name=${encodeURIComponent(path)}`;
