"""NAMDRunner: run NAMD molecular dynamics on a Slurm cluster, from a structure to a checked trajectory."""

__version__ = "0.1.0"
