/** The ENERGY lines as charts: which belong together, their units, and their text for other programs. */
import type { Energies } from "$lib/api/types";

export interface ChartSpec {
  title: string;
  unit: string;
  /** The first that are there are drawn at once; the others can be chosen. */
  columns: string[];
  first: number;
}

/** Columns of NAMD's ETITLE line; energies in kcal/mol, pressure in bar, volume in cubic angstrom. */
export const CHARTS: ChartSpec[] = [
  {
    title: "Energy",
    unit: "kcal/mol",
    columns: ["TOTAL", "POTENTIAL", "KINETIC", "ELECT", "VDW", "BOND", "ANGLE", "DIHED", "IMPRP", "BOUNDARY", "MISC"],
    first: 3,
  },
  { title: "Temperature", unit: "K", columns: ["TEMP", "TEMPAVG"], first: 1 },
  { title: "Pressure", unit: "bar", columns: ["PRESSURE", "GPRESSURE", "PRESSAVG", "GPRESSAVG"], first: 1 },
  { title: "Volume", unit: "Å³", columns: ["VOLUME"], first: 1 },
  { title: "Density", unit: "g/cm³", columns: ["DENSITY"], first: 1 },
];

export const SPEED_CHART: ChartSpec = { title: "Speed", unit: "ns/day", columns: ["ns/day"], first: 1 };

export const STEP = "TS";

/** The charts there is something to show in; a column that never moves from zero is left out. */
export function chartsOf({ columns, rows }: Energies): ChartSpec[] {
  const alive = (name: string) => {
    const index = columns.indexOf(name);
    return index >= 0 && rows.some((row) => row[index]);
  };
  return CHARTS.map((chart) => ({ ...chart, columns: chart.columns.filter(alive) })).filter((c) => c.columns.length);
}

/** One array per name, as the chart wants them; the steps come first. */
export function series({ columns, rows }: Energies, names: string[]): (number | null)[][] {
  return [STEP, ...names].map((name) => {
    const index = columns.indexOf(name);
    return rows.map((row) => row[index] ?? null);
  });
}

/** Mean, lowest and highest of each name, where the rows are means of many: so many arrays behind the steps. */
export function bandSeries({ columns, rows, lowest, highest }: Energies, names: string[]): (number | null)[][] {
  if (!lowest || !highest) return [];
  return names.flatMap((name) => {
    const index = columns.indexOf(name);
    return [highest, lowest].map((limit) => rows.map((_, row) => limit[row]?.[index] ?? null));
  });
}

export const csvHead = (columns: string[]) => `${columns.join(",")}\n`;

export const csvRows = (rows: (number | null)[][]) =>
  rows.map((row) => `${row.map((value) => value ?? "").join(",")}\n`).join("");
