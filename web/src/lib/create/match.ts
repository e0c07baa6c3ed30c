/** Many files at once: which variable each is for, and what is said about them. */
import type { FileFacts, Variable } from "$lib/api/types";
import { count, number } from "$lib/format";
import type { ChosenFile } from "./draft";
import { isFile, shownVariables, variableFor, type FileChoice, type Values } from "./variables";

const CONFIG = /\.(namd|conf|config|inp|in)$/i;

/** The variable for each file, in order; empty where none takes it. A variable of one file takes one. */
export function assign(names: string[], variables: Variable[], values: Values, taken: FileChoice): string[] {
  const shown = shownVariables(variables, values);
  const files: FileChoice = structuredClone(taken);
  return names.map((name) => {
    const variable = variableFor(name, shown, files);
    if (!variable || (variable.type === "file" && files[variable.name]?.length)) return "";
    (files[variable.name] ??= []).push(name);
    return variable.name;
  });
}

/** The variables that take a file of this name. */
export function takers(name: string, variables: Variable[]): Variable[] {
  const lower = name.toLowerCase();
  return variables.filter(
    (variable) =>
      isFile(variable) && (!variable.extensions.length || variable.extensions.some((e) => lower.endsWith(e))),
  );
}

/** Of an uploaded folder, the file that is most likely the config to run. */
export function likelyConfigs(names: string[]): string[] {
  return names
    .filter((name) => CONFIG.test(name))
    .sort((a, b) => rank(a) - rank(b) || a.split("/").length - b.split("/").length || a.localeCompare(b));
}

const rank = (name: string) => (/\.namd$/i.test(name) ? 0 : /\.conf(ig)?$/i.test(name) ? 1 : 2);

/** What an inspection found, in a line: `23,558 atoms, charge 0 e, cell 60 x 60 x 60 Å`. */
export function factsWords(facts: FileFacts): string {
  const cell =
    facts.cell &&
    `cell ${lengths(facts.cell)
      .map((length) => number(length, 4))
      .join(" × ")} Å`;
  return [
    facts.atoms != null && `${count(facts.atoms)} atoms`,
    facts.charge != null && `charge ${signed(facts.charge)} e`,
    cell,
    facts.note,
  ]
    .filter(Boolean)
    .join(", ");
}

const lengths = (cell: number[][]) => cell.map((vector) => Math.hypot(...vector));

function signed(charge: number): string {
  const rounded = Math.round(charge * 1000) / 1000;
  return rounded > 0 ? `+${rounded}` : rounded < 0 ? `−${-rounded}` : "0";
}

/** What does not go together: structure and coordinates with different numbers of atoms. Empty when all does. */
export function contradiction(files: ChosenFile[]): string {
  const counted = files.filter((file) => file.variable && file.facts?.atoms != null);
  const [first] = counted;
  const other = counted.find((file) => file.facts?.atoms !== first?.facts?.atoms);
  if (!first || !other) return "";
  const words = (file: ChosenFile) => `${file.name} has ${count(file.facts?.atoms)} atoms`;
  return `${words(first)}, ${words(other)}.`;
}
