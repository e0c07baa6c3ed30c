/** Made-up variables for tests. */
import type { Variable } from "$lib/api/types";

export const variable = (name: string, changes: Partial<Variable> = {}): Variable => ({
  name,
  type: "number",
  optional: false,
  required: false,
  label: name,
  unit: "",
  default: null,
  minimum: null,
  maximum: null,
  choices: [],
  extensions: [],
  help: "",
  when: null,
  unless: null,
  ...changes,
});
