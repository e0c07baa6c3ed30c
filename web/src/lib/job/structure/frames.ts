/** Which frames of a trajectory are brought into the browser, and what they are called. */
import type { StructureFacts, StructureSource } from "$lib/api/types";
import { count, number } from "$lib/format";

export type Selection = "no_water" | "all";

/** What is loaded unasked: a browser shows it at once, and a slow line brings it in a minute. */
export const COMFORTABLE_BYTES = 32e6;
export const COMFORTABLE_FRAMES = 500;
export const MOST_BYTES = 256e6;
export const MOST_FRAMES = 5000;

export interface Plan {
  /** Every stride-th frame. */
  stride: number;
  frames: number;
  bytes: number;
}

export const shownAtoms = (facts: StructureFacts, selection: Selection) =>
  selection === "all" ? facts.atoms : facts.atoms - facts.water_atoms;

export function plan(facts: StructureFacts, selection: Selection, stride: number): Plan {
  const frames = Math.ceil(facts.frames / stride);
  return { stride, frames, bytes: frames * (12 * shownAtoms(facts, selection) + 80) };
}

/** The strides there are to choose from: round numbers, as long as they differ and fit into a browser. */
export function plans(facts: StructureFacts, selection: Selection): Plan[] {
  const found: Plan[] = [];
  for (const stride of strides(Math.max(1, facts.frames))) {
    const next = plan(facts, selection, stride);
    if (next.bytes <= MOST_BYTES && next.frames <= MOST_FRAMES) found.push(next);
  }
  if (found.length === 0) found.push(plan(facts, selection, Math.max(1, facts.frames)));
  return found;
}

function* strides(frames: number): Generator<number> {
  for (let power = 1; ; power *= 10) {
    for (const digit of [1, 2, 5]) {
      if (digit * power > 1 && digit * power >= frames) return;
      yield digit * power;
    }
  }
}

/** What is loaded first: as many frames as are comfortable. */
export function comfortable(facts: StructureFacts, selection: Selection): Plan {
  const all = plans(facts, selection);
  const fits = ({ bytes, frames }: Plan) => bytes <= COMFORTABLE_BYTES && frames <= COMFORTABLE_FRAMES;
  return all.find(fits) ?? all.at(-1) ?? plan(facts, selection, 1);
}

/** A system of nothing but water is shown with it. */
export const firstSelection = (facts: StructureFacts): Selection =>
  facts.water_atoms >= facts.atoms ? "all" : "no_water";

export const stepOf = (facts: StructureFacts, frame: number) => facts.first_step + frame * facts.step_interval;

export const timeNs = (facts: StructureFacts, frame: number) => stepOf(facts, frame) * facts.timestep_fs * 1e-6;

/** `0.25 ns`, `12.5 ps`: never so small that it has an exponent. */
export function simulated(ns: number): string {
  if (ns !== 0 && Math.abs(ns) < 0.1) {
    const ps = ns * 1000;
    return Math.abs(ps) < 0.01 ? `${number(ps * 1000)} fs` : `${number(ps, 4)} ps`;
  }
  return `${number(ns, 5)} ns`;
}

export function frameLabel(facts: StructureFacts, stride: number, index: number): string {
  const frame = index * stride;
  const place = facts.frames > 1 ? `frame ${count(frame + 1)} of ${count(facts.frames)}, ` : "";
  return `${place}step ${count(stepOf(facts, frame))}, ${simulated(timeNs(facts, frame))}`;
}

const KINDS = { trajectory: "Trajectory", snapshot: "One frame", input: "Start" };

export function sourceLabel({ name, kind }: StructureSource): string {
  const file = name.slice(name.lastIndexOf("/") + 1);
  if (kind === "snapshot" && name.startsWith("scratch/")) return `Now: ${file}`;
  return `${KINDS[kind]}: ${file}`;
}

/** What a person wants to see first: of a running job its newest frame, else its trajectory. */
export function firstSource(sources: StructureSource[], running: boolean): StructureSource | undefined {
  const snapshot = sources.find((source) => source.kind === "snapshot" && source.name.startsWith("scratch/"));
  return (running ? snapshot : undefined) ?? sources[0];
}

/** The frame after `frame` when playing on; begins again at the end. */
export const nextFrame = (frame: number, frames: number) => (frame + 1 >= frames ? 0 : frame + 1);
