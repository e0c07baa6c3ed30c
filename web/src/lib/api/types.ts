/** The documents of the API by short names; those the server passes on as plain objects are described here. */
import type { components } from "./schema";

export type Schemas = components["schemas"];

export type JobState = Schemas["JobState"];
export type JobSummary = Schemas["JobSummary"];
export type JobDocument = Omit<Schemas["JobDocument"], "diagnosis"> & { diagnosis: Diagnosis[] };
export type JobFiles = Schemas["JobFiles"];
export type StructureSource = Schemas["StructureSource"];
export type StructureSources = Schemas["StructureSources"];
export type StructureFacts = Schemas["StructureFacts"];
export type JobScript = Schemas["JobScript"];
export type LogText = Schemas["LogText"];
export type Energies = Schemas["Energies"];
export type Performance = Schemas["Performance"];
export type JobRequest = Schemas["JobRequest"];
export type ClusterDocument = Schemas["ClusterDocument"];
export type ClusterAdd = Schemas["ClusterAdd"];
export type ClusterChanges = Schemas["ClusterChanges"];
export type CheckList = Schemas["CheckList"];
export type Partition = Schemas["Partition"];
export type Task = Schemas["TaskDocument"];
export type TaskProgress = Schemas["TaskProgress"];
export type Prompt = Schemas["PromptDocument"];
export type StatusDocument = Schemas["StatusDocument"];
export type Connection = Schemas["ConnectionDocument"];
export type Upload = Schemas["UploadDocument"];
export type FileFacts = Schemas["FileFacts"];
export type ResourcePlan = Omit<Schemas["ResourcePlan"], "findings"> & { findings: Finding[] };
export type RenderedTemplate = Schemas["RenderedTemplate"];
export type TemplateProblem = Schemas["TemplateProblem"];
export type Storage = Schemas["StorageDocument"];
export type ErrorObject = Schemas["ErrorObject"];
export type TemplateSummary = Schemas["TemplateSummary"];
export type TemplateDocument = Omit<Schemas["TemplateDocument"], "variables"> & { variables: Variable[] };
export type Suggestion = Omit<
  Schemas["namdrunner__server__schemas__discovery__Suggestion"],
  "resources" | "reasons"
> & {
  resources: JobDocument["resources"];
  reasons: { field: string; value: string; reason: string }[];
};
export type DryRun = Omit<Schemas["DryRun"], "findings" | "summary"> & { findings: Finding[]; summary: Summary };

export type Severity = "error" | "warning" | "advice";

export interface Finding {
  code: string;
  severity: Severity;
  message: string;
  remedy: string;
  keyword: string | null;
  file: string | null;
  line: number | null;
  fixable?: boolean;
}

export interface Diagnosis extends Omit<Finding, "keyword"> {
  recovery: string | null;
  excerpt: string;
}

export interface Summary {
  atoms?: number | null;
  charge?: number | null;
  cell?: unknown;
  ensemble?: string | null;
  steps?: number | null;
  simulated_ns?: number | null;
  gpu_mode?: string | null;
  output_bytes?: number | null;
}

export type VariableType = "number" | "integer" | "text" | "boolean" | "choice" | "file" | "files" | "time" | "cell";

export interface Variable {
  name: string;
  type: VariableType;
  optional: boolean;
  required: boolean;
  label: string;
  unit: string;
  default: string | number | boolean | null;
  minimum: number | null;
  maximum: number | null;
  choices: string[];
  extensions: string[];
  help: string;
  when: { variable: string; value: string } | null;
  unless: string | null;
}

export interface Activity {
  cluster: string;
  at: string;
  what: string;
  duration_s: number;
  exit_status: number | null;
  error: string;
}
