import { describe, expect, it } from "vitest";
import { grouped, takeable, type Difference } from "./discovery";

const line = (key: string, applicable = true): Difference => ({
  key,
  kind: "changed",
  message: key,
  applicable,
});

describe("the lines of a discovery", () => {
  it("stand together by what they are about", () => {
    const groups = grouped([line("partitions.cpu.nodes"), line("qos.long"), line("default_partition"), line("x.y")]);
    expect(groups.map((group) => [group.title, group.lines.length])).toEqual([
      ["Partitions", 2],
      ["QoS", 1],
      ["Other", 1],
    ]);
  });
  it("are taken over only where they are chosen and can be", () => {
    const lines = [line("a"), line("b", false), line("c")];
    expect(takeable(lines, new Set(["b", "c", "gone"]))).toEqual(["c"]);
  });
});
