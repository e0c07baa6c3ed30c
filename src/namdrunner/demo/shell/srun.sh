#!/bin/bash
# srun inside a job of the demo cluster: starts the tasks of one step here, waits, gives the highest exit status.
# Only the number of tasks (-n) is heeded; all other options are read over.

tasks=${SLURM_NTASKS:-1}
if [ -z "$SLURM_JOB_ID" ]; then
    echo 'srun: error: the demo cluster runs srun inside jobs only; use sbatch' >&2
    exit 1
fi
while [ $# -gt 0 ]; do
    case $1 in
        --) shift; break ;;
        -n|--ntasks) tasks=$2; shift 2 ;;
        -n*) tasks=${1#-n}; shift ;;
        --ntasks=*) tasks=${1#*=}; shift ;;
        -[NcpAqtJDoew]) shift 2 ;;
        --exclusive|--overlap|--label|--unbuffered|--quiet|--verbose|--kill-on-bad-exit|--overcommit|--exact) shift ;;
        --*=*) shift ;;
        --*) shift 2 ;;
        -*) shift ;;
        *) break ;;
    esac
done
if [ $# -eq 0 ]; then
    echo 'srun: fatal: No command given to execute.' >&2
    exit 1
fi
export SLURM_STEP_ID=0 SLURM_STEPID=0 SLURM_NTASKS=$tasks SLURM_NPROCS=$tasks
if [ "$tasks" -eq 1 ]; then
    export SLURM_PROCID=0 SLURM_LOCALID=0
    exec "$@"
fi
pids=()
trap 'kill -TERM "${pids[@]}" 2>/dev/null' TERM INT
for ((task = 0; task < tasks; task++)); do
    SLURM_PROCID=$task SLURM_LOCALID=$task "$@" &
    pids+=($!)
done
highest=0
for pid in "${pids[@]}"; do
    wait "$pid"
    status=$?
    [ $status -gt $highest ] && highest=$status
done
exit $highest
