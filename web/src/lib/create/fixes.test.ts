import { describe, expect, it } from "vitest";
import type { DryRun, Finding, Variable } from "$lib/api/types";
import { emptyDraft } from "./draft";
import { fixOf, variableOf } from "./fixes";

const TEMPLATE = "structure {{ structure_file }}\nlangevinTemp  {{ temperature }}\nset x {{ other }}\n";
const variables = [{ name: "temperature", label: "Temperature" }, { name: "structure_file" }] as Variable[];
const finding = (code: string, keyword: string | null = null) => ({ code, keyword }) as Finding;
const plan = { forecast: { walltime_s: 5000, memory_bytes: 3e9 } } as DryRun;

describe("a finding", () => {
  it("is mended with what the forecast says", () => {
    const draft = emptyDraft();
    const time = fixOf(finding("walltime-too-short", "walltime_s"), plan, TEMPLATE, variables);
    if (time?.kind === "apply") time.apply(draft);
    expect(draft.resources.walltime).toBe("01:30:00");
    const memory = fixOf(finding("memory-short"), plan, TEMPLATE, variables);
    if (memory?.kind === "apply") memory.apply(draft);
    expect(draft.resources.memory).toBe("4GB");
  });

  it("leads to the field it is about", () => {
    const cores = fixOf(finding("cores-too-many", "cores"), plan, TEMPLATE, variables);
    expect(cores).toMatchObject({ kind: "show", step: "/create", field: "create-cores" });
    const warm = fixOf(finding("too-warm", "langevintemp"), plan, TEMPLATE, variables);
    expect(warm).toMatchObject({ label: "Change Temperature", field: "var-temperature" });
    expect(fixOf(finding("anything"), plan, TEMPLATE, variables)).toBeNull();
  });

  it("is not sent to a variable the template does not declare", () => {
    expect(variableOf("set", TEMPLATE, variables)).toBeUndefined();
  });
});
