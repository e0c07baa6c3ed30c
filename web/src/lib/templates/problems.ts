/** What is wrong with the text of a template, at the place where it is wrong. */
import type { Diagnostic } from "@codemirror/lint";
import type { TemplateProblem } from "$lib/api/types";

/** Marks for the editor; problems of no line stand at the first. Lines that are gone meanwhile are left out. */
export function marks(problems: TemplateProblem[], text: string): Diagnostic[] {
  const starts = lineStarts(text);
  return problems.flatMap(({ line, severity, message, remedy }) => {
    const index = Math.max(1, line) - 1;
    const from = starts[index];
    if (from === undefined) return [];
    const next = starts[index + 1];
    const to = next === undefined ? text.length : next - 1;
    return [{ from, to, severity, message: [message, remedy].filter(Boolean).join(" ") }];
  });
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** The id that the text gives itself; empty without one. */
export const idOf = (text: string) => /^\s*#@\s+template\s+(\S+)/m.exec(text)?.[1] ?? "";

/** The same text under another id: the beginning of a template of one's own. */
export const renamed = (text: string, id: string) => text.replace(/^(\s*#@\s+template\s+)\S+/m, `$1${id}`);

/** An id that is free: `npt_copy`, `npt_copy_2`. */
export function freeId(id: string, taken: string[]): string {
  const base = `${id.replace(/_copy(_\d+)?$/, "")}_copy`;
  let found = base;
  for (let n = 2; taken.includes(found); n++) found = `${base}_${n}`;
  return found;
}

export const STARTER = `#@ template  my_template  v1  "My template"
#@ kind      production
#@ describe  What it is for.
#@ var structure_file    file    .psf                 "Structure (PSF)"
#@ var coordinates_file  file    .pdb                 "Coordinates (PDB)"
#@ var parameter_files   files   .prm .par .str       "Force-field parameters"
#@ var temperature       number  300  [200, 400]  K   "Temperature"
#@ var duration          time    1 ns                 "Simulated time"

structure           {{ structure_file }}
coordinates         {{ coordinates_file }}
paraTypeCharmm      on
{% for file in parameter_files %}
parameters          {{ file }}
{% endfor %}
temperature         {{ temperature }}

exclude             scaled1-4
cutoff              12
switching           on
switchDist          10
pairlistDist        14

timestep            2
rigidBonds          all
stepsPerCycle       20
langevin            on
langevinTemp        {{ temperature }}
langevinDamping     1

outputName          outputs/run
outputEnergies      1000
dcdFreq             5000
restartFreq         50000
run                 {{ duration }}
`;
