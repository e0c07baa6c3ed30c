/** Mol* as we use it: one structure with its frames on one canvas, and nothing of its own user interface. */
import { Mat4, Quat, Vec3 } from "molstar/lib/mol-math/linear-algebra";
import { StructureElement, StructureProperties } from "molstar/lib/mol-model/structure";
import { StateTransforms } from "molstar/lib/mol-plugin-state/transforms";
import { StructureSelectionQueries } from "molstar/lib/mol-plugin-state/helpers/structure-selection-query";
import type { PluginStateObject } from "molstar/lib/mol-plugin-state/objects";
import { PluginBehaviors } from "molstar/lib/mol-plugin/behavior";
import { PluginConfig } from "molstar/lib/mol-plugin/config";
import { PluginContext } from "molstar/lib/mol-plugin/context";
import { MolScriptBuilder as MS } from "molstar/lib/mol-script/language/builder";
import type { StateObjectSelector } from "molstar/lib/mol-state";
import { Color } from "molstar/lib/mol-util/color";

export type Style = "cartoon" | "ball-and-stick" | "line";

/** What is drawn. `ions`: also whatever else is not bonded to the molecules and alone. */
export interface Look {
  style: Style;
  water: boolean;
  ions: boolean;
  cell: boolean;
}

export interface Contents {
  psf: string;
  dcd: Uint8Array<ArrayBuffer>;
  /** Centre of the cell in angstrom. */
  cellOrigin: [number, number, number];
}

type Structure = StateObjectSelector<PluginStateObject.Molecule.Structure>;
type Model = StateObjectSelector<PluginStateObject.Molecule.Model>;

const PARTS = ["polymer", "other", "water", "ion"] as const;
type Part = (typeof PARTS)[number];
/** More of these atoms are drawn as lines: sticks would take seconds. */
const MANY_ATOMS = 30_000;
/** A ribbon of a few residues shows less than their atoms do. */
const FEW_ATOMS = 200;
const TURN = Math.PI / 24;

export class WebGlMissing extends Error {}

export class MoleculeView {
  readonly #plugin: PluginContext;
  #model: Model | undefined;
  #parts = new Map<Part, Structure>();
  #cell: StateObjectSelector | undefined;
  #origin = Vec3.zero();
  #look: Look = { style: "cartoon", water: false, ions: true, cell: true };
  #queue: Promise<unknown> = Promise.resolve();
  frames = 0;

  private constructor(plugin: PluginContext) {
    this.#plugin = plugin;
  }

  /** Throws WebGlMissing where the browser cannot draw in three dimensions. */
  static async create(canvas: HTMLCanvasElement, host: HTMLDivElement): Promise<MoleculeView> {
    const probe = document.createElement("canvas");
    const context = probe.getContext("webgl2") ?? probe.getContext("webgl");
    if (!context) throw new WebGlMissing();
    context.getExtension("WEBGL_lose_context")?.loseContext();
    const plugin = new PluginContext({
      behaviors: [
        { transformer: PluginBehaviors.Representation.HighlightLoci },
        { transformer: PluginBehaviors.CustomProps.SecondaryStructure },
      ],
      // Drawing without a graphics card is slow, and still better than nothing.
      config: [[PluginConfig.General.AllowMajorPerformanceCaveat, true]],
    });
    await plugin.init();
    if (!(await plugin.initViewerAsync(canvas, host))) {
      plugin.dispose();
      throw new WebGlMissing();
    }
    plugin.canvas3d?.setProps({ camera: { helper: { axes: { name: "off", params: {} } }, manualReset: true } });
    plugin.canvas3d?.setProps({ cameraFog: { name: "off", params: {} }, cameraClipping: { far: false } });
    return new MoleculeView(plugin);
  }

  /** Changes come one after the other: Mol* does not stand two at once. */
  #after<T>(change: () => Promise<T>): Promise<T> {
    const next = this.#queue.then(change, change);
    this.#queue = next.catch(() => undefined);
    return next;
  }

  /** Show these frames; `keepCamera` where it is the same system as before. Gives the style that suits them. */
  load(
    { psf, dcd, cellOrigin }: Contents,
    look: Look,
    keepCamera: boolean,
  ): Promise<{ polymer: boolean; style: Style }> {
    return this.#after(async () => {
      const plugin = this.#plugin;
      const camera = keepCamera ? plugin.canvas3d?.camera.getSnapshot() : undefined;
      await plugin.clear();
      this.#parts.clear();
      this.#cell = undefined;
      this.#look = look;
      Vec3.set(this.#origin, ...cellOrigin);
      const build = plugin.build().toRoot();
      const topology = build
        .apply(StateTransforms.Data.RawData, { data: psf, label: "atoms" })
        .apply(StateTransforms.Data.ParsePsf)
        .apply(StateTransforms.Model.TopologyFromPsf);
      const coordinates = plugin
        .build()
        .toRoot()
        .apply(StateTransforms.Data.RawData, { data: dcd, label: "frames" })
        .apply(StateTransforms.Model.CoordinatesFromDcd);
      const [atoms, positions] = [await topology.commit(), await coordinates.commit()];
      const refs = { modelRef: atoms.ref, coordinatesRef: positions.ref };
      const trajectory = await plugin
        .build()
        .toRoot()
        .apply(StateTransforms.Model.TrajectoryFromModelAndCoordinates, refs, { dependsOn: [atoms.ref, positions.ref] })
        .commit();
      this.frames = trajectory.data?.frameCount ?? 0;
      this.#model = await plugin
        .build()
        .to(trajectory)
        .apply(StateTransforms.Model.ModelFromTrajectory, { modelIndex: 0 })
        .commit();
      const structure = await plugin.builders.structure.createStructure(this.#model);
      await this.#split(structure);
      const polymerAtoms = this.#parts.get("polymer")?.data?.elementCount ?? 0;
      const small = polymerAtoms === 0 || (!keepCamera && polymerAtoms < FEW_ATOMS);
      if (small && look.style === "cartoon") this.#look = { ...look, style: "ball-and-stick" };
      for (const part of this.#parts.keys()) await this.#draw(part);
      await this.#drawCell();
      if (camera) plugin.canvas3d?.camera.setState(camera, 0);
      else this.#focus();
      return { polymer: polymerAtoms > 0, style: this.#look.style };
    });
  }

  async #split(structure: Structure): Promise<void> {
    const { polymer, water, ion } = StructureSelectionQueries;
    const named = [polymer.expression, water.expression, ion.expression];
    const other = MS.struct.modifier.exceptBy({
      0: MS.struct.generator.all(),
      by: MS.struct.combinator.merge(named),
    });
    const expressions = { polymer: named[0], other, water: named[1], ion: named[2] };
    for (const part of PARTS) {
      const expression = expressions[part];
      if (!expression) continue;
      const found = await this.#plugin.builders.structure.tryCreateComponentFromExpression(structure, expression, part);
      if (found?.data?.elementCount) this.#parts.set(part, found);
    }
  }

  #styleOf(part: Part): { type: "cartoon" | "ball-and-stick" | "line" | "spacefill"; color?: "chain-id" } | null {
    const { style, water, ions } = this.#look;
    if (part === "water") return water ? { type: "line" } : null;
    if (part === "ion") return ions ? { type: "spacefill" } : null;
    if (part === "polymer" && style === "cartoon") return { type: "cartoon", color: "chain-id" };
    const many = (this.#parts.get(part)?.data?.elementCount ?? 0) > MANY_ATOMS;
    return { type: style === "line" || many ? "line" : "ball-and-stick" };
  }

  async #draw(part: Part): Promise<void> {
    const component = this.#parts.get(part);
    if (!component) return;
    const { state } = this.#plugin;
    const drawn = [...(state.data.tree.children.get(component.ref)?.values() ?? [])];
    if (drawn.length) {
      const removal = state.data.build();
      for (const ref of drawn) removal.delete(ref);
      await removal.commit();
    }
    const style = this.#styleOf(part);
    if (!style) return;
    await this.#plugin.builders.structure.representation.addRepresentation(component, {
      type: style.type,
      typeParams: style.type === "spacefill" ? { sizeFactor: 0.6 } : {},
      color: style.color ?? "element-symbol",
    });
  }

  async #drawCell(): Promise<void> {
    if (this.#cell) await this.#plugin.build().delete(this.#cell).commit();
    this.#cell = undefined;
    if (!this.#look.cell || !this.#model) return;
    const look = { ref: "origin", attachment: "center", cellScale: 1, cellColor: Color(0x8a94a0), ignoreLight: true };
    this.#cell = await this.#plugin.builders.structure.tryCreateUnitcell(this.#model, look as never);
    this.#placeCell();
  }

  /** NAMD's cell lies around its origin; a viewer of crystals would begin it there. */
  #placeCell(): void {
    const shape = (this.#cell?.obj?.data as { repr?: { setState: (state: object) => void } } | undefined)?.repr;
    if (!shape || Vec3.magnitude(this.#origin) === 0) return;
    shape.setState({ transform: Mat4.fromTranslation(Mat4(), this.#origin) });
    this.#plugin.canvas3d?.requestDraw();
  }

  look(look: Look): Promise<void> {
    return this.#after(async () => {
      const before = this.#look;
      this.#look = look;
      for (const part of this.#parts.keys()) {
        const restyled = (part === "polymer" || part === "other") && before.style !== look.style;
        const toggled = part === "water" ? before.water !== look.water : part === "ion" && before.ions !== look.ions;
        if (restyled || toggled) await this.#draw(part);
      }
      if (before.cell !== look.cell) await this.#drawCell();
    });
  }

  show(frame: number): Promise<void> {
    return this.#after(async () => {
      if (!this.#model) return;
      await this.#plugin
        .build()
        .to(this.#model)
        .update(StateTransforms.Model.ModelFromTrajectory, () => ({ modelIndex: frame }))
        .commit();
      this.#placeCell();
    });
  }

  /** Look at the molecules, or where there is nothing but water, at everything. */
  centre(): void {
    this.#focus(300);
  }

  #focus(durationMs = 0): void {
    const { canvas3d } = this.#plugin;
    const structure = (this.#parts.get("polymer") ?? this.#parts.get("other") ?? this.#parts.get("water"))?.data;
    const sphere = structure?.boundary.sphere ?? canvas3d?.boundingSphere;
    if (!canvas3d || !sphere) return;
    canvas3d.commit(true); // only then it knows how large the scene is
    // With its cell, all of that is in the picture; without, the molecules fill it.
    const cell = this.#cellRadius();
    const near = cell
      ? canvas3d.camera.getFocus(this.#origin, cell)
      : canvas3d.camera.getFocus(sphere.center, Math.max(sphere.radius, 2) * 1.4);
    // The radius says how far behind and before the middle is still drawn: all of it.
    const radius = Math.max(canvas3d.boundingSphere.radius, sphere.radius, cell) * 1.2;
    canvas3d.camera.setState({ ...near, radius, radiusMax: radius }, durationMs);
  }

  /** From the middle of the cell that is drawn to its farthest corner, in angstrom; 0 where none is. */
  #cellRadius(): number {
    type Drawn = { values: { invariantBoundingSphere?: { ref: { value: { radius: number } } } } };
    const shape = (this.#cell?.obj?.data as { repr?: { renderObjects?: readonly Drawn[] } } | undefined)?.repr;
    const radii = shape?.renderObjects?.map(({ values }) => values.invariantBoundingSphere?.ref.value.radius ?? 0);
    return Math.max(0, ...(radii ?? []));
  }

  /** Turn by steps of 7.5 degrees about the picture's upright and level axis. */
  turn(right: number, up: number): void {
    const camera = this.#plugin.canvas3d?.camera;
    if (!camera) return;
    const eye = Vec3.sub(Vec3(), camera.position, camera.target);
    const level = Vec3.normalize(Vec3(), Vec3.cross(Vec3(), camera.up, eye));
    const turning = Quat.multiply(
      Quat(),
      Quat.setAxisAngle(Quat(), camera.up, right * TURN),
      Quat.setAxisAngle(Quat(), level, up * TURN),
    );
    Vec3.transformQuat(eye, eye, turning);
    const upright = Vec3.normalize(Vec3(), Vec3.transformQuat(Vec3(), camera.up, turning));
    camera.setState({ position: Vec3.add(Vec3(), camera.target, eye), up: upright }, 0);
  }

  zoom(factor: number): void {
    const camera = this.#plugin.canvas3d?.camera;
    if (!camera) return;
    const eye = Vec3.sub(Vec3(), camera.position, camera.target);
    camera.setState({ position: Vec3.scaleAndAdd(Vec3(), camera.target, eye, 1 / factor) }, 0);
  }

  /** `told` gets the atom under the pointer in words, or nothing. */
  onHover(told: (atom: string) => void): void {
    this.#plugin.behaviors.interaction.hover.subscribe(({ current: { loci } }) => {
      const at = StructureElement.Loci.is(loci) ? StructureElement.Loci.getFirstLocation(loci) : undefined;
      if (!at) return told("");
      const { residue, atom, chain } = StructureProperties;
      const segment = chain.auth_asym_id(at);
      const name = `${atom.auth_comp_id(at)} ${residue.auth_seq_id(at)} ${atom.auth_atom_id(at)}`;
      told(segment && segment !== "-" ? `${name}, segment ${segment}` : name);
    });
  }

  background(colour: number): void {
    this.#plugin.canvas3d?.setProps({ renderer: { backgroundColor: Color(colour) } });
  }

  resize(): void {
    this.#plugin.handleResize();
  }

  dispose(): void {
    this.#plugin.dispose();
  }
}
