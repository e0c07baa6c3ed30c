# --- the chain: this job continues itself until its last step, within its limits ------------------------

nr_chain_next=$nr_chain_base-$((nr_chain_number + 1))

nr_chain_say() {
  nr_say "chain: $1"
  printf '%s\t%s\t%s\n' "$(date +%s)" "$nr_job_id" "$1" >>"$nr_chain_home/events" 2>/dev/null
}

nr_chain_begin() {  # a requeued job whose successor was submitted already has nothing more to do
  [ -s "${nr_project%/*}/$nr_chain_next/receipt" ] || return 0
  nr_chain_say "this segment had been done; its successor is $nr_chain_next"
  exit 0
}

nr_chain_values() {  # file: its values are numbers, seen from their exponents
  [ "$(tail -c +5 -- "$1" | od -An -v -tx8 -w2048 | grep -m1 -cE ' [7f]ff[0-9a-f]{13}')" = 0 ]
}

nr_chain_set() {  # the newest whole restart set below outputs/: nr_set, nr_set_end, nr_set_step
  local coor stem end atoms size step
  nr_set='' nr_set_end='' nr_set_step=-1
  while IFS= read -r -d '' coor; do
    case $coor in *.old) end=.old ;; *) end='' ;; esac
    stem=${coor%.coor"$end"}
    { [ -f "$stem.vel$end" ] && [ -f "$stem.xsc$end" ]; } || continue
    atoms=$(od -An -tu4 -N4 -- "$coor" | tr -d ' ')
    size=$((4 + 24 * ${atoms:-0}))
    { [ "$size" -gt 4 ] && [ "$(stat -c %s -- "$coor")" = "$size" ]; } || continue
    [ "$(stat -c %s -- "$stem.vel$end")" = "$size" ] || continue
    [ "$(od -An -tu4 -N4 -- "$stem.vel$end" | tr -d ' ')" = "$atoms" ] || continue
    [ -z "$(tail -c 1 -- "$stem.xsc$end")" ] || continue
    step=$(awk '/^#\$LABELS/ { n = NF - 1; next } /^#/ { next } NF == n && $1 ~ /^[0-9]+$/ { s = $1 }
      END { print s }' "$stem.xsc$end")
    { [ -n "$step" ] && [ "$step" -gt "$nr_set_step" ]; } || continue
    if [ "$coor" -ot "$stem.xsc$end" ] || [ "$stem.vel$end" -ot "$stem.xsc$end" ]; then continue; fi
    { nr_chain_values "$coor" && nr_chain_values "$stem.vel$end"; } || continue
    nr_set=$stem nr_set_end=$end nr_set_step=$step
  done < <(find outputs -type f ! -path '*/earlier_run_*' \( -name '*.coor' -o -name '*.coor.old' \) -print0)
  [ -n "$nr_set" ]
}

nr_chain_class() {  # what ended this segment, if the simulation may simply go on after it
  if [ "$nr_fatal" = true ]; then
    grep -aqs 'Periodic cell has become too small for original patch grid' "$nr_log" && echo patch-grid
  elif [ "$nr_signal" = USR1 ]; then
    echo timeout
  fi
}

nr_chain_spent() {  # seconds of this and all earlier segments
  printf '%s\t%s\n' "$nr_job_id" $(($(date +%s) - nr_started)) >>"$nr_chain_home/spent"
  awk -F '\t' '{ s += $2 } END { print s + 0 }' "$nr_chain_home/spent"
}

nr_chain_link() { ln -- "$1" "$2" 2>/dev/null || cp --preserve=timestamps -- "$1" "$2"; }

nr_chain_render() {  # template, target; brackets, because the successor's script holds these lines, too
  sed -e "s|NRCHAI[N]ID|$nr_chain_next|g" -e "s|NRCHAI[N]PARENT|$nr_job_id|g" -e "s|NRCHAI[N]TOKEN|$nr_chain_token|g" \
    -e "s|98765432100[1]|$nr_set_step|g" -e "s|98765432100[2]|$nr_chain_from|g" -e "s|98765432100[3]|$((nr_chain_number + 1))|g" \
    -e "s|98765432100[4]|$nr_chain_xsc_size|g" -e "s|98765432100[5]|$nr_chain_overlay_size|g" \
    -e "s|98765432100[6]|$((nr_chain_segment + 1))|g" -e "s|98765432100[7]|$nr_chain_segment|g" \
    -e "s|98765432100[8]|$nr_chain_coor_size|g" -e "s|NRCHAI[N]SEG|$(printf '%03d' $((nr_chain_segment + 1)))|g" \
    -e "s|NRCHAI[N]AT|$(date -u +%Y-%m-%dT%H:%M:%SZ)|g" -e "s|NRCHAI[N]CLASS|$nr_class|g" \
    -e "s|NRCHAI[N]SHAXSC|$nr_sha_xsc|g" -e "s|NRCHAI[N]SHACOOR|$nr_sha_coor|g" -e "s|NRCHAI[N]SHAVEL|$nr_sha_vel|g" \
    -e "s|NRCHAI[N]SHAOVERLAY|$nr_sha_overlay|g" "$1" >"$2"
}

nr_sum() { local sum; sum=$(sha256sum <"$1") && printf '%s' "${sum%% *}"; }

nr_chain_make() {  # the successor's folder: complete, of links, so that this one may be deleted
  local child=${nr_project%/*}/$nr_chain_next start overlay
  mkdir -- "$child" 2>/dev/null || { nr_chain_say "$nr_chain_next exists already"; return 1; }
  mkdir -p -- "$child/logs" "$child/outputs" "$child/input_files" || return 1
  cp -al -- input_files/. "$child/input_files/" 2>/dev/null ||
    cp -R --preserve=timestamps -- input_files/. "$child/input_files/" || return 1
  start=$child/input_files/namdrunner_restart overlay=$child/input_files/$nr_chain_overlay
  rm -rf -- "$start" "$overlay"
  mkdir -p -- "$start" || return 1
  for end in coor vel xsc; do
    nr_chain_link "$nr_set.$end$nr_set_end" "$start/start.$end" || return 1
  done
  if [ -n "$nr_chain_colvars" ]; then nr_chain_link "$nr_set.colvars.state$nr_set_end" "$start/start.colvars.state" || return 1; fi
  nr_chain_from=$((nr_set_step - nr_set_step % nr_chain_cycle))
  nr_chain_xsc_size=$(stat -c %s -- "$start/start.xsc") nr_chain_coor_size=$(stat -c %s -- "$start/start.coor")
  nr_sha_xsc=$(nr_sum "$start/start.xsc") nr_sha_coor=$(nr_sum "$start/start.coor") nr_sha_vel=$(nr_sum "$start/start.vel")
  nr_chain_overlay_size=0 nr_sha_overlay=
  nr_chain_render "$nr_chain_home/overlay.in" "$overlay" || return 1
  nr_chain_overlay_size=$(stat -c %s -- "$overlay") nr_sha_overlay=$(nr_sum "$overlay")
  nr_chain_link config.namd "$child/config.namd" || return 1
  nr_chain_render "$nr_chain_home/job_info.in" "$child/job_info.json" &&
    nr_chain_render "$nr_chain_home/job.in" "$child/job.sbatch"
}

nr_chain_submit() {  # exactly once: the token is looked for in the queue before sbatch is tried again
  local child=${nr_project%/*}/$nr_chain_next id try line out
  nr_command=${nr_chain_sbatch//NRNEXTTOKEN/$nr_chain_token}
  nr_command=${nr_command//NRCHAINNEXT/$nr_chain_next}
  line="{\"token\": \"$nr_chain_token\", \"at\": $(date +%s)}"
  printf '%s\n' "$line" >"$child/attempt" || return 1
  for try in 1 2 3; do
    [ "$try" -gt 1 ] && sleep 3
    if [ "$try" -gt 1 ]; then
      id=$(squeue -h -u "$(id -un)" -o '%i %k' 2>/dev/null | awk -v t="$nr_chain_token" '$2 == t { print $1 }')
      [ -n "$id" ] && break
    fi
    out=$(timeout 60 env -i HOME="$HOME" USER="$(id -un)" LOGNAME="$(id -un)" PATH="$PATH" SLURM_CONF="${SLURM_CONF:-}" \
      bash -c "[ -n \"\$SLURM_CONF\" ] || unset SLURM_CONF; $nr_command" 2>&1)
    id=$(printf '%s\n' "$out" | sed -n 's/^\([0-9][0-9]*\)\(;[^ ]*\)\{0,1\}$/\1/p' | tail -n 1)
    [ -n "$id" ] && break
  done
  [ -n "$id" ] || { nr_chain_say "sbatch failed: $(nr_words "$out")"; return 1; }
  line="{\"token\": \"$nr_chain_token\", \"slurm_id\": \"$id\", \"at\": $(date +%s)}"
  printf '%s\n' "$line" >"$child/receipt.new" && mv -f -- "$child/receipt.new" "$child/receipt"
  nr_chain_say "continued after $nr_class by $nr_chain_next from step $nr_set_step, Slurm job $id"
}

nr_chain() {
  local spent
  cd -- "$nr_project" 2>/dev/null || return
  spent=$(nr_chain_spent)
  if [ "$nr_final" = "$nr_chain_until" ] && [ "$nr_fatal" = false ]; then nr_chain_say "done: step $nr_final"; return; fi
  if [ -n "$nr_signal" ] && [ "$nr_signal" != USR1 ]; then
    nr_chain_say "interrupted by $nr_signal: it goes on if Slurm requeues this job, and only then"
    return
  fi
  nr_class=$(nr_chain_class)
  if [ -z "$nr_class" ]; then nr_chain_say "ends: this is nothing that going on would mend"; return; fi
  if [ ! -d "$nr_chain_home" ] || [ -e "$nr_chain_home/stop" ]; then nr_chain_say "ends: it was asked to"; return; fi
  if [ "$nr_chain_number" -ge "$nr_chain_max" ]; then nr_chain_say "ends: $nr_chain_max segments were allowed"; return; fi
  if [ "$nr_chain_seconds" -gt 0 ] && [ $((spent + nr_chain_walltime)) -gt "$nr_chain_seconds" ]; then
    nr_chain_say "ends: another segment might cost more than was allowed"
    return
  fi
  if ! nr_chain_set; then nr_chain_say "ends: there is no whole set of restart files"; return; fi
  if [ "$nr_set_step" -le "$nr_chain_started" ]; then nr_chain_say "ends: the restart step did not advance"; return; fi
  nr_chain_token=$(od -An -v -tx1 -N16 /dev/urandom | tr -d ' \n')
  if nr_chain_make; then nr_chain_submit; else nr_chain_say "ends: $nr_chain_next could not be made"; fi
}
