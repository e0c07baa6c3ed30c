#!/bin/bash
# Stands for NAMD where the fault is in the network, in Slurm or in us: says and writes what a short run would.
# "set steps N" in the config is how far it runs, "set seconds S" for how long, "set megabytes M" what memory it takes.
steps=$(awk '$1 == "set" && $2 == "steps" {print $3}' "$1")
seconds=$(awk '$1 == "set" && $2 == "seconds" {print $3}' "$1")
mkdir -p results
echo "Info: NAMD 3.0 for Linux-x86_64-multicore"
echo "TCL: Running for $steps steps"
memory=$(awk '$1 == "set" && $2 == "megabytes" {print $3}' "$1")
printf 'restart\n' >results/equil.restart.coor
echo "ETITLE:      TS           BOND"
echo "ENERGY:       0         1.0000"
# A line without an end has to be held as a whole: so much memory is asked for.
[ -n "$memory" ] && exec tail -n 1 < <(head -c "${memory}M" /dev/zero; sleep "$seconds")
sleep "${seconds:-0.3}"
for kind in coor vel xsc; do printf 'final %s\n' "$kind" >"results/equil.$kind"; done
head -c 300000 /dev/zero >results/equil.dcd
echo "ENERGY: $steps         1.0000"
echo "WRITING EXTENDED SYSTEM TO OUTPUT FILE AT STEP $steps"
echo "WRITING COORDINATES TO OUTPUT FILE AT STEP $steps"
echo "WRITING VELOCITIES TO OUTPUT FILE AT STEP $steps"
echo "WallClock: 1.0  CPUTime: 1.0  Memory: 1.0 MB"
echo "[Partition 0][Node 0] End of program"
