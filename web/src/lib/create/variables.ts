/** Which variables of a template a form shows, which are missing, and what may be put into them. */
import type { Variable } from "$lib/api/types";

export type Values = Record<string, string | number | boolean>;
export type FileChoice = Record<string, string[]>;

export const isFile = (variable: Variable) => variable.type === "file" || variable.type === "files";

/** What holds for the variable: what was typed, else its default. */
export function effective(variable: Variable, values: Values): string | number | boolean | null {
  const given = values[variable.name];
  return given === undefined || given === "" ? variable.default : given;
}

/** The variables that matter for these values. */
export function shownVariables(variables: Variable[], values: Values): Variable[] {
  const byName = new Map(variables.map((variable) => [variable.name, variable]));
  return variables.filter(({ when }) => {
    const other = when && byName.get(when.variable);
    return !other || String(effective(other, values)) === when?.value;
  });
}

/** Required variables without a value; `files`: names of the files chosen for a variable. */
export function missing(variables: Variable[], values: Values, files: FileChoice): Variable[] {
  return shownVariables(variables, values).filter((variable) => {
    if (isFile(variable)) return variable.required && !files[variable.name]?.length;
    return variable.required && effective(variable, values) === null;
  });
}

/** The variable a dropped file belongs to: by its ending; of several, the first that is still empty. */
export function variableFor(name: string, variables: Variable[], files: FileChoice): Variable | undefined {
  const lower = name.toLowerCase();
  const fitting = variables.filter(
    (variable) => isFile(variable) && variable.extensions.some((ending) => lower.endsWith(ending)),
  );
  return (
    fitting.find((variable) => variable.type === "file" && !files[variable.name]?.length) ??
    fitting.find((variable) => variable.type === "files") ??
    fitting[0]
  );
}

export function rangeWords({ minimum, maximum, unit, choices, extensions, type }: Variable): string {
  if (choices.length) return choices.join(", ");
  if (extensions.length) return extensions.join(" ");
  // Times are entered with a unit of their own; their range is in femtoseconds.
  const suffix = type === "time" ? " fs" : unit ? ` ${unit}` : "";
  if (minimum !== null && maximum !== null) return `${minimum} to ${maximum}${suffix}`;
  if (minimum !== null) return `at least ${minimum}${suffix}`;
  return maximum !== null ? `at most ${maximum}${suffix}` : "";
}

/** Why the value cannot be used; empty when it can, or when only the server can tell. */
export function complaint(variable: Variable, value: string | number | boolean | undefined): string {
  if (value === undefined || value === "") return "";
  if (variable.type === "number" || variable.type === "integer") {
    const number = Number(value);
    if (!Number.isFinite(number)) return "This is not a number.";
    if (variable.type === "integer" && !Number.isInteger(number)) return "This has to be a whole number.";
    const { minimum, maximum } = variable;
    if ((minimum !== null && number < minimum) || (maximum !== null && number > maximum)) {
      return `This has to be ${rangeWords(variable)}.`;
    }
  }
  if (variable.type === "time" && !/^\s*\d+(\.\d+)?([eE][+-]?\d+)?\s*(fs|ps|ns|us|steps?)\s*$/.test(String(value))) {
    return "Write a number and a unit: fs, ps, ns, us or steps.";
  }
  return "";
}
