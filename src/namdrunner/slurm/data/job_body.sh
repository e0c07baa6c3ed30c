# ---------------------------------------------------------------------------------------------------
# The same for every job: stage in, run NAMD, stage out, report. Nothing below has to be changed.
# Every name begins with nr_, because profiles and modules define names of their own. The exit status
# of each step is looked at; "set -e" and "set -u" would break the profiles of some sites.

nr_slurm_id=${SLURM_JOB_ID:-}
nr_host=$(uname -n)
nr_restarts=${SLURM_RESTART_COUNT:-0}
nr_started=$(date +%s)
nr_stage=setup
nr_signal=
nr_error=
nr_exit_code=null
nr_pid=
nr_kill_at=
nr_asked=
nr_staged_out=false
nr_files=0
nr_bytes=0
nr_log=$nr_project/logs/namd.log
nr_err=$nr_project/logs/namd.err
nr_status=$nr_project/logs/.exit_status
nr_hash_limit=67108864
nr_stop_file=$nr_run/$nr_config_dir/namdrunner_stop

nr_say() { printf '%s NAMDRunner: %s\n' "$(date '+%Y-%m-%d %H:%M:%S %z')" "$*"; }

nr_note() {  # sentence: kept for the result, first come first said
  nr_say "$1"
  nr_error="$nr_error${nr_error:+ }$1"
}

nr_fail() {  # sentence, exit status: ends the job; the exit trap reports it
  nr_note "$1"
  exit "${2:-1}"
}

nr_words() { LC_ALL=C tr -c '\40-\176' ' ' <<<"$1" | sed -e 's/  */ /g' -e 's/^ //' -e 's/ $//' | cut -c1-600; }

# --- signals: USR1 comes before the time limit, TERM on cancel ----------------------------------------

nr_on_signal() {
  nr_signal=${nr_signal:-$1}
  nr_say "signal $1"
  case $nr_stage in
    setup | stage-in)
      nr_fail "The job was stopped (signal $1) before NAMD started." 143 ;;
    namd)
      nr_stop_namd "$1" ;;
  esac
}

nr_stop_namd() {  # signal. NAMD does not catch signals; its last restart files are what remains
  [ -n "$nr_pid" ] || return
  if [ -z "$nr_kill_at" ] || { [ -n "$nr_asked" ] && [ "$1" != USR1 ]; }; then
    if [ "$1" = USR1 ] && [ "$nr_notice" -gt 0 ] && : >"$nr_stop_file"; then
      # The config looks for this file between two stretches of work, writes its state and ends.
      nr_kill_at=$((SECONDS + nr_notice * 7 / 10))
      nr_asked=yes
      nr_say "NAMD is asked to stop"
      return
    fi
    nr_asked=
    nr_kill_at=$((SECONDS + 5))
    [ "$1" = USR1 ] && nr_kill_at=$((SECONDS + 20))
    kill -TERM -- "-$nr_pid" 2>/dev/null || kill -TERM "$nr_pid" 2>/dev/null
  fi
}

# --- what an earlier run of this job left behind ------------------------------------------------------

nr_has_files() {  # folder: holds files other than what is set aside already
  [ -n "$(cd -- "$1" 2>/dev/null && find . -type f ! -path './earlier_run_*' -print 2>/dev/null | head -n 1)" ]
}

nr_set_aside() {  # a requeued or resubmitted job starts afresh; nothing of the earlier run is overwritten
  local number=$((nr_restarts > 0 ? nr_restarts : 1)) entry
  local outputs=$nr_project/outputs
  if ! { [ -e "$nr_project/result.json" ] || [ -e "$nr_log" ] || nr_has_files "$outputs" || nr_has_files "$nr_run"; }; then
    return 0
  fi
  while [ -e "$outputs/earlier_run_$number" ] || [ -e "$nr_project/logs/namd.$number.log" ] ||
    [ -e "$nr_project/logs/result.$number.json" ]; do
    number=$((number + 1))
  done
  nr_say "an earlier run left files: they are kept as earlier run $number"
  for entry in namd.log namd.err inventory.tsv; do
    [ -e "$nr_project/logs/$entry" ] &&
      mv -- "$nr_project/logs/$entry" "$nr_project/logs/${entry%.*}.$number.${entry##*.}"
  done
  [ -e "$nr_project/result.json" ] && mv -- "$nr_project/result.json" "$nr_project/logs/result.$number.json"
  if nr_has_files "$outputs"; then
    mkdir -p -- "$outputs/earlier_run_$number" || nr_fail "Earlier results could not be set aside."
    for entry in "$outputs"/* "$outputs"/.[!.]*; do
      case ${entry##*/} in earlier_run_* | '*' | '.[!.]*') continue ;; esac
      [ -e "$entry" ] || continue
      mv -- "$entry" "$outputs/earlier_run_$number/" || nr_fail "Earlier results could not be set aside."
    done
  fi
  if nr_has_files "$nr_run"; then
    if nr_stage_out "$nr_run" "$outputs/earlier_run_$number"; then
      nr_remove_run
    else
      mv -- "$nr_run" "$nr_run.earlier_run_$number" || nr_fail "The earlier run's folder $nr_run could not be set aside."
      nr_note "What the earlier run wrote is kept in $nr_run.earlier_run_$number."
    fi
    nr_files=0 nr_bytes=0
  fi
}

# --- stage in -----------------------------------------------------------------------------------------

nr_expect() {  # bytes, name: an input as it was uploaded
  local file=$nr_project/input_files/$2 size
  size=$(stat -c %s -- "$file" 2>/dev/null) || nr_fail "The input file $(nr_words "$2") is missing from $nr_project/input_files."
  [ "$size" = "$1" ] || nr_fail "The input file $(nr_words "$2") has $size bytes, not the $1 that were uploaded."
}

nr_stage_in() {
  local words target=$nr_run
  nr_stage=stage-in
  nr_say "stage in to $nr_run"
  [ -f "$nr_project/config.namd" ] || nr_fail "The NAMD config is missing from $nr_project."
  nr_check_inputs
  [ "$nr_inputs_dir" = . ] || target=$nr_run/$nr_inputs_dir
  words=$(mkdir -p -- "$target" "$nr_run/$nr_config_dir" "${nr_output_dirs[@]/#/$nr_run/}" 2>&1) ||
    nr_fail "The run folder could not be made: $(nr_words "$words")."
  if [ -d "$nr_project/input_files" ]; then
    words=$(cp -R --preserve=timestamps -- "$nr_project/input_files/." "$target/" 2>&1) ||
      nr_fail "The input files could not be copied to $nr_run: $(nr_words "$words")."
  fi
  words=$(cp --preserve=timestamps -- "$nr_project/config.namd" "$nr_run/$nr_config" 2>&1) ||
    nr_fail "The NAMD config could not be copied to $nr_run: $(nr_words "$words")."
}

# --- environment --------------------------------------------------------------------------------------

nr_need_module() {
  type module >/dev/null 2>&1 || nr_fail "There is no 'module' command on $nr_host." 127
}

nr_module() {  # subcommand, argument: with the module system's own words when it fails
  local status words
  module "$1" "$2" 2>"$nr_project/logs/module.err"
  status=$?
  words=$(cat "$nr_project/logs/module.err" 2>/dev/null)
  [ -n "$words" ] && printf '%s\n' "$words" >&2
  # Old Tcl modules say ERROR and still report success.
  if [ "$status" -ne 0 ] || grep -Eq '^(ERROR|.*:ERROR:|.*Unable to locate a modulefile)' <<<"$words"; then
    nr_fail "'module $1 $2' failed: $(nr_words "$words")"
  fi
  rm -f -- "$nr_project/logs/module.err"
}

nr_need_command() {  # command, what it is
  command -v -- "$1" >/dev/null 2>&1 ||
    nr_fail "$2 '$1' was not found on $nr_host after the modules were loaded." 127
}

# --- NAMD ---------------------------------------------------------------------------------------------

nr_start_namd() {  # in the background; it leaves NAMD's exit status in a file, whatever signals arrive meanwhile
  local status
  trap : USR1 TERM INT
  set +m
  "${nr_launch[@]}" </dev/null >"$nr_log" 2>"$nr_err"
  status=$?
  echo "$status" >"$nr_status"
  exit "$status"
}

nr_run_namd() {
  local status
  cd -- "$nr_run/$nr_config_dir" || nr_fail "The run folder $nr_run cannot be entered."
  rm -f -- "$nr_status" "$nr_stop_file"
  if [ "$nr_notice" -gt 0 ]; then
    export NAMDRUNNER_STOP_FILE=$nr_stop_file
    export NAMDRUNNER_STRETCH_S=$((nr_notice > 4 ? nr_notice / 4 : 1))
  fi
  nr_say "start: ${nr_launch[*]}"
  nr_stage=namd
  set -m  # a process group of its own, so that wrappers and launchers are stopped with all they started
  (nr_start_namd) &
  nr_pid=$!
  set +m
  [ -n "$nr_signal" ] && nr_stop_namd "$nr_signal"
  wait "$nr_pid"
  nr_exit_code=$?
  while kill -0 "$nr_pid" 2>/dev/null; do  # a signal ended the wait, not NAMD
    if [ -n "$nr_kill_at" ] && [ "$SECONDS" -ge "$nr_kill_at" ]; then kill -KILL -- "-$nr_pid" 2>/dev/null; fi
    if [ -n "$nr_kill_at" ]; then sleep 0.2; else wait "$nr_pid"; fi
  done
  # What "wait" says after a signal is not reliable (bash 5.2 even answers -1).
  status=$(cat -- "$nr_status" 2>/dev/null)
  case $status in
    '' | *[!0-9]*) [ -n "$nr_signal" ] && nr_exit_code=137 ;;
    *) nr_exit_code=$status ;;
  esac
  kill -KILL -- "-$nr_pid" 2>/dev/null
  cd -- "$nr_project" || cd /
  nr_say "NAMD ended with exit status $nr_exit_code"
  [ -e "$nr_log" ] || nr_note "NAMD's log $nr_log could not be written."
  case $nr_exit_code in
    126) nr_note "${nr_launch[0]} could not be executed." ;;
    127) nr_note "${nr_launch[0]} or NAMD was not found." ;;
  esac
  exit "$nr_exit_code"
}

# --- stage out ----------------------------------------------------------------------------------------

nr_is_input() {  # run folder, path in it: staged in and not changed since
  local origin
  if [ "$2" = "$nr_config" ]; then
    origin=$nr_project/config.namd
  elif [ "$nr_inputs_dir" = . ]; then
    origin=$nr_project/input_files/$2
  elif [ "${2#"$nr_inputs_dir"/}" != "$2" ]; then
    origin=$nr_project/input_files/${2#"$nr_inputs_dir"/}
  else
    return 1
  fi
  [ -f "$origin" ] && [ "$(stat -c '%s %Y' -- "$origin")" = "$(stat -c '%s %Y' -- "$1/$2")" ]
}

nr_bring_home() {  # source, target: linked where both are on one file system, else copied, verified, renamed
  local part words size
  size=$(stat -c %s -- "$1" 2>/dev/null) || return 1
  words=$(mkdir -p -- "${2%/*}" 2>&1) || { nr_first_failure "$words"; return 1; }
  if ! ln -- "$1" "$2" 2>/dev/null; then
    part=${2%/*}/.namdrunner-part
    words=$(cp --preserve=timestamps -- "$1" "$part" 2>&1) || { rm -f -- "$part"; nr_first_failure "$words"; return 1; }
    if [ "$(stat -c %s -- "$part" 2>/dev/null)" != "$size" ]; then
      rm -f -- "$part"
      nr_first_failure "$2 did not arrive whole"
      return 1
    fi
    words=$(mv -f -- "$part" "$2" 2>&1) || { rm -f -- "$part"; nr_first_failure "$words"; return 1; }
  fi
  nr_files=$((nr_files + 1))
  nr_bytes=$((nr_bytes + size))
}

nr_first_failure() { nr_failure=${nr_failure:-$(nr_words "$1")}; }

nr_stage_out() {  # run folder, target folder: every file that is new or changed; small ones first, for full disks
  local path target failed=0 total=0
  nr_failure=
  [ -d "$1" ] || return 0
  while IFS= read -r -d '' path; do
    path=${path#*$'\t'}
    nr_is_input "$1" "$path" && continue
    total=$((total + 1))
    target=$2/${path#outputs/}
    if [ -e "$target" ]; then
      if [ "$(stat -c '%s %Y' -- "$target")" = "$(stat -c '%s %Y' -- "$1/$path")" ]; then continue; fi
      target=$2/run_folder/$path  # outputs/x and x are two files
    fi
    nr_bring_home "$1/$path" "$target" || failed=$((failed + 1))
  done < <(find "$1" -type f -printf '%s\t%P\0' | LC_ALL=C sort -z -n)
  [ "$failed" -eq 0 ] && return 0
  nr_note "$failed of $total result files could not be copied to $2 (${nr_failure:-unknown cause}); they are kept in $1."
  return 1
}

nr_remove_run() {
  case $nr_run in
    */"$nr_job_id" | */"$nr_job_id"/run) rm -rf -- "$nr_run" ;;
  esac
}

nr_encode() {  # a path for a line of the inventory
  local text=${1//%/%25}
  text=${text//$'\t'/%09}
  text=${text//$'\n'/%0A}
  printf '%s' "${text//$'\r'/%0D}"
}

nr_inventory() {  # bytes, modification time, sha256 or "-", path below the project folder
  local line size time path sum part=$nr_project/logs/.inventory.part
  (
    cd -- "$nr_project" || exit 1
    while IFS= read -r -d '' line; do
      size=${line%%$'\t'*} line=${line#*$'\t'}
      time=${line%%$'\t'*} path=${line#*$'\t'}
      sum=-
      case $path in
        *.coor | *.vel | *.xsc) sum=$(sha256sum <"$path") ;;
        *) [ "$size" -le "$nr_hash_limit" ] && sum=$(sha256sum <"$path") ;;
      esac
      printf '%s\t%s\t%s\t%s\n' "$size" "${time%.*}" "${sum%% *}" "$(nr_encode "$path")"
    done < <(find outputs logs -type f ! -name '.*' ! -name 'slurm-*' ! -name 'inventory*' -printf '%s\t%T@\t%p\0' 2>/dev/null)
  ) >"$part" && mv -f -- "$part" "$nr_project/logs/inventory.tsv"
}

# --- the report ---------------------------------------------------------------------------------------

nr_json() {  # a JSON string of printable ASCII
  local text
  text=$(nr_words "$1")
  text=${text//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

nr_read_log() {  # last step, step of the final output (null: none), end of program, fatal error
  awk '
    /^ENERGY:/ && $2 ~ /^[0-9]+$/ { last = $2 }
    /^WRITING .* AT STEP [0-9]+/ { last = $NF; if ($2 == "VELOCITIES" && $4 == "OUTPUT") final = $NF }
    /End of program/ { end = 1 }
    /^ERROR: (Margin is too small|[0-9]+ margin violations)/ { next }
    /^(FATAL ERROR|ERROR:)/ { fatal = 1 }
    END {
      print (last ~ /^[0-9]+$/ ? last : "null"), (final ~ /^[0-9]+$/ ? final : "null"),
        (end ? "true" : "false"), (fatal ? "true" : "false")
    }' "$nr_log" 2>/dev/null || echo null null false false
}

nr_write_result() {  # target: whole or not at all
  local part=${1%/*}/.result.json.part
  {
    printf '{"version": 1, "job_id": %s, "token": %s, ' "$(nr_json "$nr_job_id")" "$(nr_json "$nr_token")"
    printf '"slurm_job_id": %s, "restart_count": %d, ' "$(nr_json "$nr_slurm_id")" "${nr_restarts//[!0-9]/}"
    printf '"host": %s, "started_at": %d, "ended_at": %d, ' "$(nr_json "$nr_host")" "$nr_started" "$(date +%s)"
    printf '"stage": "%s", "exit_code": %s, "signal": "%s", ' "$nr_stage" "$nr_exit_code" "$nr_signal"
    printf '"error": %s, "last_step": %s, "final_output_step": %s, ' "$(nr_json "$nr_error")" "$nr_last" "$nr_final"
    printf '"end_of_program": %s, "fatal_error": %s, ' "$nr_end" "$nr_fatal"
    printf '"staged_out": %s, "files": %d, "bytes": %d}\n' "$nr_staged_out" "$nr_files" "$nr_bytes"
  } >"$part" && mv -f -- "$part" "$1"
}

nr_finish() {
  local status=$? step
  trap - EXIT
  for step in USR1 TERM INT; do
    # shellcheck disable=SC2064
    trap "nr_signal=\${nr_signal:-$step}" "$step"
  done
  [ "$nr_signal" = TERM ] && nr_hash_limit=0  # on cancel there is little time
  rm -f -- "$nr_project/logs/.reserve" "$nr_status" "$nr_stop_file"
  nr_last=null nr_final=null nr_end=false nr_fatal=false
  if [ "$nr_stage" = namd ]; then
    read -r nr_last nr_final nr_end nr_fatal < <(nr_read_log)
    nr_stage=stage-out
    nr_say "stage out to $nr_project/outputs"
    if nr_stage_out "$nr_run" "$nr_project/outputs"; then
      nr_staged_out=true
      nr_stage='done'
    fi
    nr_inventory
    if [ "$nr_fatal" = true ] || [ "$nr_end" = false ] || [ "$nr_staged_out" = false ]; then
      [ "$status" -eq 0 ] && status=1  # so that jobs that depend on this one do not start
    elif [ "$status" -eq 0 ] && grep -aqs '^TCL: NAMDRunner: stopping at step' "$nr_log"; then
      status=85  # nothing failed, but it is not done: the job wants to be continued
    fi
  fi
  if ! nr_write_result "$nr_project/result.json"; then
    nr_note "The report could not be written to $nr_project."
    mkdir -p -- "$nr_run" && nr_write_result "$nr_run/result.json"
    nr_staged_out=false
    [ "$status" -eq 0 ] && status=1
  fi
  if [ "$nr_staged_out" = true ] || [ "$nr_stage" = stage-in ]; then
    cd / && nr_remove_run
  fi
  if [ "$nr_staged_out" = true ] && type nr_chain >/dev/null 2>&1; then nr_chain; fi
  nr_say "end: stage $nr_stage, exit status $status"
  exit "$status"
}

nr_begin() {
  mkdir -p -- "$nr_project/logs" "$nr_project/outputs"
  if type nr_chain_begin >/dev/null 2>&1; then nr_chain_begin; fi
  trap nr_finish EXIT
  trap 'nr_on_signal USR1' USR1
  trap 'nr_on_signal TERM' TERM
  trap 'nr_on_signal INT' INT
  nr_say "job $nr_job_id, Slurm job ${nr_slurm_id:-none}, run $((nr_restarts + 1)) on $nr_host"
  nr_set_aside
  # Some room for the report, should the quota be used up by then. Where even that is lacking, the log needs what is left.
  head -c 131072 /dev/zero >"$nr_project/logs/.reserve" 2>/dev/null || rm -f -- "$nr_project/logs/.reserve"
}
