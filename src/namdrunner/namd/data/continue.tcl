# Above: what this run continues from. Below: the same for every continuation; nothing has to be changed here.
# The config is evaluated as it stands. Lines of it that begin with "namdrunner_keyword" pass through here, and
# work that was done before this run is left out, so that it goes on where the earlier run was left.

set namdrunner_worked 0
set namdrunner_started 0
set namdrunner_target -1
rename run namdrunner_run
rename minimize namdrunner_minimize
rename reinitvels namdrunner_reinitvels
rename rescalevels namdrunner_rescalevels
rename output namdrunner_output
rename exit namdrunner_exit

proc namdrunner_behind {} {
  global namdrunner_at namdrunner_from
  return [expr {$namdrunner_at < $namdrunner_from}]
}

proc namdrunner_name {name} {  # a name of this run's own: nothing of the earlier run is overwritten
  global namdrunner_suffix
  if {$namdrunner_suffix eq ""} { return $name }
  if {[regexp {^(.*)(\.(dcd|xst|veldcd|forcedcd|fep|fepout|ti|restart))$} $name all stem ending]} {
    return $stem$namdrunner_suffix$ending
  }
  return $name$namdrunner_suffix
}

proc namdrunner_keyword {args} {
  global namdrunner_mode namdrunner_started namdrunner_target namdrunner_seed namdrunner_at namdrunner_from
  set name [lindex $args 0]
  set rest [lrange $args 1 end]
  set cut [string first = $name]
  if {$cut >= 0} {
    set rest [linsert $rest 0 [string range $name $cut+1 end]]
    set name [string range $name 0 $cut-1]
  } elseif {[string index [lindex $rest 0] 0] eq "="} {
    lset rest 0 [string range [lindex $rest 0] 1 end]
  }
  set words {}
  foreach word $rest {
    if {[string index $word 0] eq "#"} { break }
    lappend words $word
  }
  set name [string tolower [string trim $name]]
  set value [string trim [join $words]]
  switch -- $name {
    outputname - restartname - dcdfile - xstfile - veldcdfile - forcedcdfile - alchoutfile {
      uplevel 1 [list $name [namdrunner_name $value]]
    }
    seed {
      uplevel 1 [list seed [expr {int($value) + $namdrunner_seed}]]
    }
    firsttimestep {
      if {$namdrunner_started} {
        set namdrunner_at [expr {int($value)}]
        if {![namdrunner_behind] && $namdrunner_at != $namdrunner_from} { uplevel 1 [list $name $value] }
      } elseif {$namdrunner_mode ne "continue"} {
        uplevel 1 [list $name $value]
      }
    }
    numsteps {
      if {$namdrunner_mode eq "plain"} { uplevel 1 [list $name $value] }
      set namdrunner_target [expr {int($value)}]
    }
    temperature - velocities - bincoordinates - binvelocities - extendedsystem - colvarsinput -
    cellbasisvector1 - cellbasisvector2 - cellbasisvector3 - cellorigin {
      if {$namdrunner_mode ne "continue"} { uplevel 1 [list $name $value] }
    }
    default {
      uplevel 1 [list $name $value]
    }
  }
}

proc namdrunner_work {command steps} {  # the part of a run or minimization that is not done yet
  global namdrunner_at namdrunner_from namdrunner_until namdrunner_worked namdrunner_started
  set namdrunner_worked 1
  set end [expr {$namdrunner_at + $steps}]
  if {$end <= $namdrunner_from && $namdrunner_at < $namdrunner_from} {
    set namdrunner_at $end
    if {!$namdrunner_started} { set namdrunner_started 1; startup }
    return
  }
  set namdrunner_started 1
  if {$namdrunner_at < $namdrunner_from} { set namdrunner_at $namdrunner_from }
  if {$namdrunner_until >= 0 && $end > $namdrunner_until} { set end $namdrunner_until }
  set steps [expr {$end - $namdrunner_at}]
  if {$steps <= 0} { startup; return }
  if {[lindex $command 0] eq "namdrunner_run"} {
    namdrunner_stretches $command $steps
  } else {
    {*}$command $steps
    incr namdrunner_at $steps
  }
}

proc namdrunner_stretches {command steps} {  # whole cycles, with a look at the stop file after each stretch
  global namdrunner_at namdrunner_cycle namdrunner_stretch env
  if {![info exists env(NAMDRUNNER_STOP_FILE)]} {
    {*}$command $steps
    incr namdrunner_at $steps
    return
  }
  set wanted 60000.0
  if {[info exists env(NAMDRUNNER_STRETCH_S)]} { set wanted [expr {1000.0 * $env(NAMDRUNNER_STRETCH_S)}] }
  while {$steps > 0} {
    if {[file exists $env(NAMDRUNNER_STOP_FILE)]} {
      print "NAMDRunner: stopping at step $namdrunner_at, as asked."
      namdrunner_exit
    }
    set count [expr {$namdrunner_stretch < $steps ? $namdrunner_stretch : $steps}]
    set begin [clock milliseconds]
    {*}$command $count
    incr namdrunner_at $count
    incr steps -$count
    set took [expr {[clock milliseconds] - $begin}]
    set factor [expr {$wanted / ($took > 1 ? $took : 1)}]
    if {$factor > 8} { set factor 8.0 }
    set cycles [expr {int($count * $factor / $namdrunner_cycle)}]
    set namdrunner_stretch [expr {$namdrunner_cycle * ($cycles > 1 ? $cycles : 1)}]
  }
}

proc run {args} {
  namdrunner_work [linsert [lrange $args 0 end-1] 0 namdrunner_run] [lindex $args end]
}

proc minimize {steps} {
  namdrunner_work namdrunner_minimize $steps
}

proc reinitvels {temperature} {
  if {![namdrunner_behind]} { namdrunner_reinitvels $temperature }
}

proc rescalevels {factor} {
  if {![namdrunner_behind]} { namdrunner_rescalevels $factor }
}

proc output {args} {
  if {![namdrunner_behind]} {
    namdrunner_output {*}[lrange $args 0 end-1] [namdrunner_name [lindex $args end]]
  }
}

proc namdrunner_finish {} {  # numsteps without a run, and steps asked for beyond the config's own
  global namdrunner_mode namdrunner_at namdrunner_until namdrunner_worked namdrunner_target
  if {$namdrunner_mode eq "plain"} { return }
  set end $namdrunner_until
  if {!$namdrunner_worked && $namdrunner_target >= 0 && $end < 0} { set end $namdrunner_target }
  if {$end > $namdrunner_at} { run [expr {$end - $namdrunner_at}] }
}

proc exit {args} {
  namdrunner_finish
  namdrunner_exit {*}$args
}
