/** A job that is being made: what was entered so far, and the request it comes to. */
import type { ClusterDocument, FileFacts, JobDocument, JobRequest, Variable } from "$lib/api/types";
import { walltime } from "$lib/format";
import { shownVariables, type FileChoice, type Values } from "./variables";

export interface ResourceText {
  partition: string;
  qos: string;
  account: string;
  cores: string;
  nodes: string;
  gpus: string;
  memory: string;
  walltime: string;
}

/** A file on the computer of the server: uploaded there by this page (`upload`: its id), or named by its path. */
export interface ChosenFile {
  id: string;
  name: string;
  path: string;
  bytes: number;
  /** The variable it is for; empty while it is for none. */
  variable: string;
  upload: string;
  facts?: FileFacts;
}

export interface Draft {
  version: 1;
  name: string;
  cluster: string;
  preset: string;
  resources: ResourceText;
  source: "template" | "config";
  template: string;
  values: Values;
  files: ChosenFile[];
  /** Path of the person's own config. */
  config: string;
  /** Stopped in time, so that no work is lost; null: as is usual for its source. */
  cleanStop: boolean | null;
  /** The most jobs in which it goes on by itself until it is done; empty: it does not. */
  segments: string;
  /** The most service units these may cost; empty: any number. */
  mostUnits: string;
  /** The task that makes the job, once it was started. */
  task: string;
  /** Moment of the last change, and the tab that made it. */
  changed: number;
  writer: string;
}

export const NO_RESOURCES: ResourceText = {
  partition: "",
  qos: "",
  account: "",
  cores: "",
  nodes: "",
  gpus: "",
  memory: "",
  walltime: "",
};

export function emptyDraft(): Draft {
  return {
    version: 1,
    name: "",
    cluster: "",
    preset: "",
    resources: { ...NO_RESOURCES },
    source: "template",
    template: "",
    values: {},
    files: [],
    config: "",
    cleanStop: null,
    segments: "",
    mostUnits: "",
    task: "",
    changed: 0,
    writer: "",
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A stored draft; what does not look like one is as good as none. */
export function parseDraft(text: string | null): Draft | null {
  let found: unknown;
  try {
    found = JSON.parse(text ?? "null");
  } catch {
    return null;
  }
  if (!isObject(found) || found.version !== 1) return null;
  const blank = emptyDraft();
  const draft: Draft = { ...blank, ...(found as unknown as Draft) };
  const texts = ["name", "cluster", "preset", "template", "config", "segments", "mostUnits", "task", "writer"] as const;
  if (texts.some((key) => typeof draft[key] !== "string")) return null;
  if (!isObject(draft.values) || !Array.isArray(draft.files) || !isObject(draft.resources)) return null;
  draft.resources = { ...blank.resources, ...draft.resources };
  draft.files = draft.files.filter((file) => isObject(file) && typeof file.path === "string");
  return draft;
}

/** Cluster and template are chosen for the person at first: they do not count. */
export function isUntouched(draft: Draft): boolean {
  const { name, values, files, config, resources, preset } = draft;
  const given = [name, config, preset, ...Object.values(resources)];
  return given.every((text) => !text) && !Object.keys(values).length && !files.length;
}

/** Names of the files of each variable. */
export function chosenFiles(files: ChosenFile[]): FileChoice {
  const choice: FileChoice = {};
  for (const { variable, path } of files) if (variable) (choice[variable] ??= []).push(path);
  return choice;
}

/** What was entered for variables that matter; empty fields are left to the template. */
export function sentValues(variables: Variable[], values: Values): Values {
  const shown = shownVariables(variables, values).filter(({ name }) => name in values && values[name] !== "");
  return Object.fromEntries(shown.map(({ name }) => [name, values[name] as Values[string]]));
}

export function sentFiles(variables: Variable[], files: ChosenFile[]): FileChoice {
  const choice = chosenFiles(files);
  return Object.fromEntries(Object.entries(choice).filter(([name]) => variables.some((v) => v.name === name)));
}

export function sentResources(resources: ResourceText): NonNullable<JobRequest["resources"]> {
  const text = (value: string) => value.trim() || undefined;
  const whole = (value: string) => (/^\d+$/.test(value.trim()) ? Number(value) : undefined);
  return {
    partition: text(resources.partition),
    qos: text(resources.qos),
    account: text(resources.account),
    cores: whole(resources.cores),
    nodes: whole(resources.nodes),
    gpus: text(resources.gpus),
    memory: text(resources.memory),
    walltime: text(resources.walltime),
  };
}

/** What shall happen at the end of the walltime. */
function sentEnd({ segments, mostUnits, cleanStop }: Draft): Partial<JobRequest> {
  if (!segments) return cleanStop === null ? {} : { clean_stop: cleanStop };
  const most = Number(mostUnits);
  return {
    max_segments: Math.min(Math.max(Math.trunc(Number(segments)) || 1, 1), 999),
    max_su: mostUnits.trim() ? (most > 0 ? most : 0) : undefined,
  };
}

export function requestOf(draft: Draft, variables: Variable[]): JobRequest {
  const own = draft.source === "config";
  return {
    name: draft.name.trim(),
    cluster: draft.cluster,
    preset: draft.preset || undefined,
    resources: sentResources(draft.resources),
    ...sentEnd(draft),
    ...(own
      ? { config: draft.config.trim() }
      : {
          template: draft.template,
          values: sentValues(variables, draft.values),
          files: sentFiles(variables, draft.files),
        }),
  } as JobRequest;
}

/** The fields of resources as they are written by people. */
export function resourceText(resources: JobDocument["resources"]): ResourceText {
  const { partition, qos, account, cores, nodes, gpus, memory_bytes: memory, walltime_s } = resources ?? {};
  const words = (value: unknown) => (value == null ? "" : String(value));
  return {
    partition: words(partition),
    qos: words(qos),
    account: words(account),
    cores: words(cores),
    nodes: words(nodes),
    gpus: gpus ? (gpus.type ? `${gpus.type}:${gpus.count}` : String(gpus.count)) : "",
    memory: memory ? memoryText(memory) : "",
    walltime: walltime(walltime_s),
  };
}

/** `16GB`, `3800MB`: binary units, as Slurm counts them. */
export function memoryText(bytes: number): string {
  const gigabytes = bytes / 1024 ** 3;
  return Number.isInteger(gigabytes) ? `${gigabytes}GB` : `${Math.ceil(bytes / 1024 ** 2)}MB`;
}

/** A draft that makes the same job once more. Files are where they were when that job was made. */
export function duplicated(job: JobDocument, variables: Variable[]): Draft {
  const draft = emptyDraft();
  draft.name = `${job.name} (copy)`;
  draft.cluster = job.cluster;
  draft.resources = resourceText(job.resources);
  draft.source = job.template ? "template" : "config";
  draft.template = job.template ?? "";
  if (!job.template) draft.config = sourceConfig(job);
  const known = new Map((job.inputs ?? []).map((input) => [input.source ?? "", input]));
  for (const variable of variables) {
    const value = (job.values ?? {})[variable.name];
    if (value == null) continue;
    if (variable.type === "file" || variable.type === "files") {
      for (const path of [value].flat().map(String)) {
        const bytes = known.get(path)?.bytes ?? 0;
        draft.files.push({
          id: `${variable.name} ${path}`,
          name: baseName(path),
          path,
          bytes,
          variable: variable.name,
          upload: "",
        });
      }
    } else if (variable.type === "cell") {
      if (isObject(value)) draft.values[variable.name] = cellText(value as unknown as Cell);
    } else draft.values[variable.name] = value as Values[string];
  }
  return draft;
}

/** Where the config of a job lay that was made from one's own: beside the files it was sent with. */
export function sourceConfig(job: JobDocument): string {
  for (const { name, source = "" } of job.inputs ?? []) {
    const path = source.replaceAll("\\", "/");
    if (path.endsWith(`/${name}`)) return source.slice(0, -name.length) + (job.run?.config ?? "");
  }
  return "";
}

export interface Cell {
  a: number[];
  b: number[];
  c: number[];
  origin?: number[];
}

/** As it is typed: three edge lengths, or three vectors; the centre after it where it is not the origin. */
export function cellText({ a, b, c, origin = [0, 0, 0] }: Cell): string {
  const [x = 0, y = 0, z = 0] = [a[0], b[1], c[2]];
  const straight = [a, b, c].every((vector, row) => vector.every((value, column) => row === column || value === 0));
  const edges = straight ? [x, y, z] : [...a, ...b, ...c];
  return (origin.some((value) => value !== 0) ? [...edges, ...origin] : edges).join(" ");
}

export const baseName = (path: string) => path.split(/[/\\]/).at(-1) ?? path;

/** The cluster to begin with: the one that is connected, else the first. */
export function firstCluster(clusters: ClusterDocument[]): string {
  return (clusters.find((cluster) => cluster.state === "connected") ?? clusters[0])?.name ?? "";
}

/** `ubiquitin` of `ubiquitin_wb.psf`: what a person would call the job. */
export function suggestedName(file: string): string {
  return baseName(file)
    .replace(/\.[^.]*$/, "")
    .replace(/[_-]+/g, " ")
    .trim();
}
