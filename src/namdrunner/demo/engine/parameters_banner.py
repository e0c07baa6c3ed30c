"""The effective parameters of the run, as NAMD lists them."""

from __future__ import annotations

from namdrunner.demo.engine.console import Console
from namdrunner.demo.engine.dynamics import BAROSTAT_INTERVAL
from namdrunner.demo.engine.exclusions import Policy
from namdrunner.demo.engine.loader import Loaded
from namdrunner.demo.engine.model import RigidBonds
from namdrunner.demo.engine.schedule import energy_interval, timing_interval
from namdrunner.demo.engine.settings import Settings

EXCLUDE_WORDS = {
    Policy.NONE: "NONE",
    Policy.ONE_TWO: "ONE-TWO",
    Policy.ONE_THREE: "ONE-THREE",
    Policy.ONE_FOUR: "ONE-FOUR",
    Policy.SCALED_ONE_FOUR: "SCALED ONE-FOUR",
}


def print_parameters(console: Console, settings: Settings, loaded: Loaded, seed: int) -> None:
    """Everything between "SIMULATION PARAMETERS" and the summary of the structure."""
    console.info("SIMULATION PARAMETERS:")
    lines = [
        *_time_and_cell(settings, loaded),
        *_start(settings, loaded),
        *_outputs(settings, loaded),
        *_interactions(settings, loaded),
        *_ensemble(settings),
        *_restraints(settings, loaded),
        *_electrostatics(settings, loaded),
        f"RANDOM NUMBER SEED     {seed}",
        *_files(settings, loaded),
    ]
    for line in lines:
        console.info(line)


def _time_and_cell(settings: Settings, loaded: Loaded) -> list[str]:
    lines = [
        f"TIMESTEP               {settings.number('timestep', 1.0):g}",
        f"NUMBER OF STEPS        {settings.integer('numsteps', 0)}",
        f"STEPS PER CYCLE        {settings.integer('stepspercycle', 20)}",
    ]
    cell = loaded.model.cell
    if cell is not None:
        rows = (" ".join(f"{x:g}" for x in row) for row in cell.vectors)
        lines += [f"PERIODIC CELL BASIS {number}  {row}" for number, row in enumerate(rows, 1)]
        lines.append(f"PERIODIC CELL CENTER   {' '.join(f'{x:g}' for x in cell.origin)}")
        if settings.switch("wrapAll"):
            lines.append("WRAPPING ALL CLUSTERS AROUND PERIODIC BOUNDARIES ON OUTPUT.")
        elif settings.switch("wrapWater"):
            lines.append("WRAPPING WATERS AROUND PERIODIC BOUNDARIES ON OUTPUT.")
    if settings.integer("firsttimestep", 0):
        lines.append(f"FIRST TIMESTEP         {settings.integer('firsttimestep', 0)}")
    return lines


def _start(settings: Settings, loaded: Loaded) -> list[str]:
    if "temperature" in settings:
        lines = [f"INITIAL TEMPERATURE    {settings.number('temperature'):g}"]
    else:
        lines = [f"VELOCITY FILE          {settings.text('binvelocities') or settings.text('velocities')}"]
    lines.append(f"CENTER OF MASS MOVING INITIALLY? {'YES' if settings.switch('COMmotion') else 'NO'}")
    lines.append(f"DIELECTRIC             {loaded.model.nonbonded.dielectric:g}")
    policy = Policy(settings.required("exclude").lower())
    lines.append(f"EXCLUDE                {EXCLUDE_WORDS[policy]}")
    if policy is Policy.SCALED_ONE_FOUR:
        lines.append(f"1-4 ELECTROSTATICS SCALED BY {loaded.model.nonbonded.one_four_scaling:g}")
        lines.append("MODIFIED 1-4 VDW PARAMETERS WILL BE USED")
    return lines


def _series(settings: Settings, word: str, file: str, frequency: str, ending: str) -> list[str]:
    every = settings.integer(frequency, 0)
    if not every:
        return [f"NO {word} OUTPUT"]
    name = settings.text(file) or f"{settings.required('outputname').strip()}{ending}"
    return [f"{word} FILENAME           {name}", f"{word} FREQUENCY          {every}"]


def _outputs(settings: Settings, loaded: Loaded) -> list[str]:
    name = settings.required("outputname").strip()
    lines = _series(settings, "DCD", "DCDfile", "DCDfreq", ".dcd")
    lines += _series(settings, "XST", "XSTfile", "XSTfreq", ".xst") if loaded.model.cell is not None else []
    lines += _series(settings, "VELOCITY DCD", "velDCDfile", "velDCDfreq", ".veldcd")
    lines.append(f"OUTPUT FILENAME        {name}")
    if settings.integer("restartfreq", 0):
        lines.append(f"RESTART FILENAME       {settings.text('restartname') or name + '.restart'}")
        lines.append(f"RESTART FREQUENCY      {settings.integer('restartfreq')}")
    return lines


def _interactions(settings: Settings, loaded: Loaded) -> list[str]:
    options = loaded.model.nonbonded
    lines = []
    if options.switching:
        lines += ["SWITCHING ACTIVE"]
        lines += ["VDW FORCE SWITCHING ACTIVE"] if options.force_switching else []
        lines += [f"SWITCHING ON           {options.switchdist:g}", f"SWITCHING OFF          {options.cutoff:g}"]
    else:
        lines.append(f"CUTOFF                 {options.cutoff:g}")
    lines += ["LONG-RANGE LJ: APPLYING ANALYTICAL CORRECTIONS TO ENERGY AND VIRIAL"] if options.tail_correction else []
    lines.append(f"PAIRLIST DISTANCE      {settings.number('pairlistdist', options.cutoff):g}")
    lines.append(f"ENERGY OUTPUT STEPS    {energy_interval(settings)}")
    lines.append(f"TIMING OUTPUT STEPS    {timing_interval(settings)}")
    if settings.integer("outputPressure", 0):
        lines.append(f"PRESSURE OUTPUT STEPS  {settings.integer('outputPressure')}")
    return lines


def _ensemble(settings: Settings) -> list[str]:
    lines = []
    if settings.switch("langevin"):
        lines += [
            "LANGEVIN DYNAMICS ACTIVE",
            f"LANGEVIN TEMPERATURE   {settings.number('langevinTemp'):g}",
            "LANGEVIN USING OPENMM'S LANGEVIN MIDDLE INTEGRATOR",
            f"LANGEVIN DAMPING COEFFICIENT IS {settings.number('langevinDamping', 0.0):g} INVERSE PS",
        ]
        hydrogens = settings.text("langevinHydrogen") is None or settings.switch("langevinHydrogen")
        if not hydrogens:
            lines.append("DEMO ENGINE: LANGEVIN DYNAMICS IS APPLIED TO HYDROGENS TOO (langevinHydrogen off ignored)")
    if settings.switch("LangevinPiston"):
        lines += [
            "LANGEVIN PISTON PRESSURE CONTROL ACTIVE",
            f"       TARGET PRESSURE IS {settings.number('LangevinPistonTarget'):g} BAR",
            f"     PISTON TEMPERATURE IS {settings.number('LangevinPistonTemp'):g} K",
            f"DEMO ENGINE: A MONTE CARLO BAROSTAT (EVERY {BAROSTAT_INTERVAL} STEPS) STANDS IN FOR THE LANGEVIN PISTON; "
            "ITS PERIOD AND DECAY HAVE NO EFFECT",
        ]
    if settings.integer("reassignFreq", 0):
        lines.append(f"VELOCITY REASSIGNMENT FREQ  {settings.integer('reassignFreq')}")
    if settings.integer("rescaleFreq", 0):
        lines.append(f"VELOCITY RESCALE FREQ  {settings.integer('rescaleFreq')}")
    return lines


def _restraints(settings: Settings, loaded: Loaded) -> list[str]:
    model, lines = loaded.model, []
    if model.restraints is not None:
        lines += ["HARMONIC CONSTRAINTS ACTIVE", f"HARMONIC CONS EXP      {model.restraints.exponent}"]
    if len(model.fixed):
        lines.append("FIXED ATOMS ACTIVE")
    if model.extra:
        lines.append("EXTRA BONDS ACTIVE")
        lines += [f"READ {sum(len(extra.bonds) for extra in model.extra)} EXTRA BONDS"]
    if model.field_vector is not None:
        lines += ["ELECTRIC FIELD ACTIVE", f"E-FIELD VECTOR         {model.field_vector}"]
    if model.rigid_bonds is not RigidBonds.NONE:
        lines.append(f"RIGID BONDS TO HYDROGEN : {model.rigid_bonds.name}")
        lines.append("        ERROR TOLERANCE : 1e-06")
    return lines


def _electrostatics(settings: Settings, loaded: Loaded) -> list[str]:
    pme = loaded.model.nonbonded.pme
    if pme is None:
        return []
    return [
        "PARTICLE MESH EWALD (PME) ACTIVE",
        f"PME TOLERANCE               {settings.number('PMETolerance', 1e-6):g}",
        f"PME EWALD COEFFICIENT       {pme.coefficient:g}",
        "PME INTERPOLATION ORDER     5",
        f"PME GRID DIMENSIONS         {' '.join(str(size) for size in pme.grid)}",
        "DEMO ENGINE: ALL FORCES ARE COMPUTED EVERY STEP (nonbondedFreq AND fullElectFrequency HAVE NO EFFECT)",
    ]


def _files(settings: Settings, loaded: Loaded) -> list[str]:
    parameters = loaded.parameters
    style = "CHARMM" if settings.switch("paraTypeCharmm") else "XPLOR"
    lines = [
        f"COORDINATE PDB         {settings.text('coordinates')}",
        f"STRUCTURE FILE         {settings.text('structure')}",
        f"PARAMETER file: {style} format! ",
        *(f"PARAMETERS             {name.strip()}" for name in settings.all("parameters")),
    ]
    if "bincoordinates" in settings:
        lines.append(f"BINARY COORDINATES     {settings.text('bincoordinates')}")
    lines += [
        "SUMMARY OF PARAMETERS:",
        f"{len(parameters.bonds)} BONDS",
        f"{len(parameters.angles)} ANGLES",
        f"{len(parameters.dihedrals)} DIHEDRAL",
        f"{len(parameters.impropers)} IMPROPER",
        f"{len(parameters.cmaps)} CROSSTERM",
        f"{len(parameters.vdw_types)} VDW",
        f"{len(parameters.vdw_pairs)} VDW_PAIRS",
    ]
    if loaded.model.terms.vdw.pairs:
        lines.append(f"DEMO ENGINE: {len(loaded.model.terms.vdw.pairs)} NBFIX PAIRS OF THIS STRUCTURE ARE APPLIED")
    return lines
