# The module command of the demo cluster, in Lmod's words. A module file has lines "PATH folder".

unset LMOD_CMD LMOD_DIR LMOD_PKG LMOD_VERSION

_module_names() {  # every module as name/version, sorted
    ( cd "$MODULEPATH" 2>/dev/null && find . -mindepth 2 -type f ! -name '.*' | sed 's|^\./||' | LC_ALL=C sort )
}

_module_resolve() {  # name or name/version -> name/version
    local found
    case $1 in
        */*) found=$(_module_names | grep -Fx -- "$1") ;;
        *) found=$(_module_names | grep -E -- "^$1/" | tail -n 1) ;;
    esac
    [ -n "$found" ] && printf '%s\n' "$found"
}

_module_strip() {  # take a folder out of PATH
    local rest=":$PATH:"
    rest=${rest//":$1:"/:}
    rest=${rest#:}
    PATH=${rest%:}
}

_module_load() {
    local name=$1 full keyword folder
    full=$(_module_resolve "$name") || {
        printf 'Lmod has detected the following error: The following module(s) are unknown:\n"%s"\n\n' "$name" >&2
        printf 'Please check the spelling or version number. Also try "module spider ..."\n\n' >&2
        return 1
    }
    _module_unload "${full%%/*}"
    while read -r keyword folder; do
        [ "$keyword" = PATH ] && PATH=$folder:$PATH
    done < "$MODULEPATH/$full"
    LOADEDMODULES=${LOADEDMODULES:+$LOADEDMODULES:}$full
    export PATH LOADEDMODULES
}

_module_unload() {
    local name=$1 full keyword folder kept=
    local IFS=:
    for full in $LOADEDMODULES; do
        if [ "$full" = "$name" ] || [ "${full%%/*}" = "$name" ]; then
            while IFS=' ' read -r keyword folder; do
                [ "$keyword" = PATH ] && _module_strip "$folder"
            done < "$MODULEPATH/$full"
        else
            kept=${kept:+$kept:}$full
        fi
    done
    export LOADEDMODULES=$kept PATH
}

_module_show() {  # list, avail, spider; $1: verb, $2: terse or empty, $3: pattern
    local names
    case $1 in
        list) names=$(printf '%s' "$LOADEDMODULES" | tr ':' '\n') ;;
        *) names=$(_module_names | grep -F -- "$3") ;;
    esac
    if [ "$1" = spider ] && [ -n "$3" ] && [ -z "$names" ]; then
        printf 'Lmod has detected the following error: Unable to find: "%s".\n\n' "$3" >&2
        return 1
    fi
    if [ "$2" = terse ]; then
        [ "$1" = avail ] && printf '%s:\n' "$MODULEPATH"
        [ -z "$names" ] || printf '%s\n' "$names"
    elif [ "$1" = list ] && [ -z "$names" ]; then
        printf 'No modules loaded\n'
    else
        [ "$1" = list ] && printf '\nCurrently Loaded Modules:\n' || printf '\n---- %s ----\n' "$MODULEPATH"
        printf '%s\n' "$names" | sed 's/^/   /'
        printf '\n'
    fi
}

module() {
    local terse= redirect=2 verb= name status=0
    while [ $# -gt 0 ]; do
        case $1 in
            -t|--terse) terse=terse ;;
            --redirect) redirect=1 ;;
            --version) printf 'Modules of the NAMDRunner demo cluster\n' >&2; return 0 ;;
            -*) ;;
            *) verb=$1; shift; break ;;
        esac
        shift
    done
    case $verb in
        load|add|try-load) for name in "$@"; do _module_load "$name" || status=1; done; return $status ;;
        unload|rm|del) for name in "$@"; do _module_unload "$name"; done ;;
        swap|switch) _module_unload "$1"; _module_load "${2:-$1}" ;;
        purge|reset) local IFS=:; for name in $LOADEDMODULES; do _module_unload "$name"; done ;;
        list|avail|av|spider)
            [ "$verb" = av ] && verb=avail
            while [ "${1#-}" != "${1-}" ]; do [ "$1" = -t ] && terse=terse; shift; done
            _module_show "$verb" "$terse" "$1" >&$redirect ;;
        is-avail) _module_resolve "$1" >/dev/null ;;
        is-loaded) case ":$LOADEDMODULES:" in *":$1"[:/]*) return 0 ;; *) return 1 ;; esac ;;
        use|unuse|help|show|save|restore|refresh|update) return 0 ;;
        *) printf 'Lmod has detected the following error: Unknown module command: "%s"\n' "$verb" >&2; return 1 ;;
    esac
}
