"""What a keyword of a plain NAMD config becomes when the config is turned into a template."""

from __future__ import annotations

from dataclasses import dataclass

from namdrunner.templates.model import VariableType


@dataclass(frozen=True)
class Suggestion:
    """The variable that is suggested for the value of a keyword."""

    name: str
    label: str
    type: VariableType = VariableType.FILE
    unit: str = ""
    extensions: tuple[str, ...] = ()


PARAMETERS = Suggestion(
    "parameter_files", "Force-field parameters", VariableType.FILES, extensions=(".prm", ".par", ".str", ".inp")
)
FILES: dict[str, Suggestion] = {
    "structure": Suggestion("structure_file", "Structure (PSF)", extensions=(".psf",)),
    "coordinates": Suggestion("coordinates_file", "Coordinates (PDB)", extensions=(".pdb",)),
    "bincoordinates": Suggestion("bincoordinates_file", "Continue: coordinates", extensions=(".coor",)),
    "binvelocities": Suggestion("binvelocities_file", "Continue: velocities", extensions=(".vel",)),
    "velocities": Suggestion("velocities_file", "Velocities (PDB)", extensions=(".vel", ".pdb")),
    "extendedsystem": Suggestion("extended_system_file", "Continue: cell", extensions=(".xsc",)),
    "extrabondsfile": Suggestion("extrabonds_file", "Extra bonds", extensions=(".exb", ".extra", ".txt")),
    "consref": Suggestion("restraint_reference_file", "Restraints: reference positions", extensions=(".pdb",)),
    "conskfile": Suggestion("restraint_constants_file", "Restraints: force constants", extensions=(".pdb",)),
    "colvarsconfig": Suggestion("colvars_file", "Collective variables", extensions=(".colvars", ".in", ".dat")),
    "colvarsinput": Suggestion("colvars_state_file", "Collective variables: state", extensions=(".state",)),
    "fixedatomsfile": Suggestion("fixed_atoms_file", "Fixed atoms", extensions=(".pdb",)),
    "smdfile": Suggestion("smd_file", "Pulled atoms (PDB)", extensions=(".pdb",)),
    "alchfile": Suggestion("alch_file", "Alchemical atoms (PDB)", extensions=(".pdb",)),
    "langevinfile": Suggestion("langevin_file", "Langevin damping (PDB)", extensions=(".pdb",)),
    "gridforcefile": Suggestion("grid_force_file", "Grid forces: atoms", extensions=(".pdb",)),
    "gridforcepotfile": Suggestion("grid_force_potential", "Grid forces: potential", extensions=(".dx",)),
    "tclforcesscript": Suggestion("tcl_forces_file", "Tcl forces script", extensions=(".tcl",)),
    "parmfile": Suggestion("parm_file", "Topology (Amber)", extensions=(".prmtop", ".parm7")),
    "ambercoor": Suggestion("amber_coordinates_file", "Coordinates (Amber)", extensions=(".inpcrd", ".rst7", ".crd")),
    "grotopfile": Suggestion("gromacs_topology_file", "Topology (GROMACS)", extensions=(".top",)),
    "grocoorfile": Suggestion("gromacs_coordinates_file", "Coordinates (GROMACS)", extensions=(".gro",)),
}

_TEMPERATURE = Suggestion("temperature", "Temperature", VariableType.NUMBER, "K")
NUMBERS: dict[str, Suggestion] = {
    "temperature": _TEMPERATURE,
    "langevintemp": _TEMPERATURE,
    "langevinpistontemp": _TEMPERATURE,
    "reassigntemp": _TEMPERATURE,
    "stochrescaletemp": _TEMPERATURE,
    "langevinpistontarget": Suggestion("pressure", "Pressure", VariableType.NUMBER, "bar"),
    "langevindamping": Suggestion("langevin_damping", "Langevin damping", VariableType.NUMBER, "1/ps"),
    "timestep": Suggestion("timestep", "Timestep", VariableType.NUMBER, "fs"),
    "constraintscaling": Suggestion("restraint_scaling", "Scale of restraints", VariableType.NUMBER),
    "firsttimestep": Suggestion("first_step", "First step", VariableType.INTEGER),
    "numsteps": Suggestion("total_steps", "Last step", VariableType.INTEGER, "steps"),
    "outputenergies": Suggestion("energy_interval", "Energies every", VariableType.INTEGER, "steps"),
    "dcdfreq": Suggestion("trajectory_interval", "Trajectory frame every", VariableType.INTEGER, "steps"),
    "restartfreq": Suggestion("restart_interval", "Restart files every", VariableType.INTEGER, "steps"),
}
STEPS: dict[str, Suggestion] = {
    "run": Suggestion("duration", "Simulated time", VariableType.TIME),
    "minimize": Suggestion("minimize_steps", "Minimisation", VariableType.TIME),
}
