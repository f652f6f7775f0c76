#!/usr/bin/env bash
# Loads what lies in this folder into Neo4j, by an import into a new store; README.txt tells how. Bash 3.2 or newer.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set -euo pipefail

# --- what is loaded, as planned -------------------------------------------------------------------------------------
# @values@

# --- what the environment may say -----------------------------------------------------------------------------------
: "${NEO4J_USERNAME:=neo4j}"             # NEO4J_PASSWORD is asked for when it is not set
: "${HEAP_SIZE:=$HEAP_PLANNED}"          # Java heap of the import
: "${WAIT_SECONDS:=600}"                 # how long the server may take to answer; the server's own are below

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
JOURNAL=$HERE/way-back                   # names the dump to go back to, while there is something to undo
CODE_FAILED=1 CODE_USAGE=2 CODE_REFUSED=5 CODE_UNREACHABLE=10
STATE=untouched                          # untouched, stopped, replaced
WAY_BACK='' TEMPORARY='' CHILD=''

say() { printf '%s\n' "$1"; }

fail() {  # code, what, the way out
    printf 'error: %s\nhint: %s\n' "$2" "$3" >&2
    exit "$1"
}

# --- the server's own programs --------------------------------------------------------------------------------------
# @commands@

admin() {  # in the background, so that a signal is heard while it works
    local code=0
    "${ADMIN[@]}" "$@" < /dev/null &
    CHILD=$!
    wait "$CHILD" || code=$?
    CHILD=''
    return $code
}

answers() { shell 'RETURN 1;' < /dev/null > /dev/null 2>&1; }

wait_for_server() {
    local until=$((SECONDS + WAIT_SECONDS))
    until answers; do
        [ $SECONDS -lt $until ] || return 1
        sleep 1
    done
}

ask_value() { shell "$1" < /dev/null | tail -n 1 | sed -e 's/^"//' -e 's/"$//'; }

# --- checks: nothing is touched -------------------------------------------------------------------------------------

ask_password() {
    if [ -z "${NEO4J_PASSWORD:-}" ]; then
        [ -t 0 ] || fail "$CODE_USAGE" "no password for user $NEO4J_USERNAME" "set NEO4J_PASSWORD, or run this in a terminal"
        printf 'password of %s: ' "$NEO4J_USERNAME" >&2
        IFS= read -rs NEO4J_PASSWORD
        printf '\n' >&2
    fi
    export -n NEO4J_PASSWORD             # only cypher-shell gets to see it
}

check_version() {
    local version
    version=$(admin --version | tail -n 1)
    # shellcheck disable=SC2254  # it is a pattern
    case $version in
        $VERSION_PATTERN) say "server        Neo4j $version" ;;
        *) fail "$CODE_REFUSED" "this is Neo4j $version, and the script was made for $VERSION_PLANNED" \
            "have the script written again for this version" ;;
    esac
}

check_state() {
    local state
    state=$(ask_value "$(cat "$HERE/state.cypher")") || fail "$CODE_UNREACHABLE" \
        "the database of $WHERE does not answer" \
        "start the server; check where it is said to be, NEO4J_USERNAME and NEO4J_PASSWORD"
    case $state in
        absent) ;;
        loaded) say "loaded        $TITLE is in the database already; nothing was done"; exit 0 ;;
        *) fail "$CODE_REFUSED" "the database is not what this was made for: $state" "$STATE_HINT" ;;
    esac
}

check_counts() {  # file, how many checks it has
    local said
    said=$(shell < "$HERE/$1") || return 1
    printf '%s\n' "$said" | sed -n -e 's/^"FAIL: \(.*\)"$/error: \1/p' >&2
    [ "$(printf '%s\n' "$said" | grep -c '^"ok: ')" = "$2" ] && ! printf '%s\n' "$said" | grep -q '^"FAIL: '
}

free_kib() { tail -n 1 | sed -e 's/^.*[^0-9]\([0-9][0-9]*\)  *[0-9][0-9]*%.*$/\1/'; }

check_disk() {  # the data folder
    local needed=$((NEEDED_BYTES / 1024)) free store
    free=$(server_free_kib "$1")
    [ "$free" -ge $needed ] || fail "$CODE_REFUSED" \
        "an import into $1 needs about $((needed / 1024)) MiB of disk and $((free / 1024)) MiB are free" "free some space"
    store=$(server_store_kib "$1")
    free=$(df -Pk "$HERE" | free_kib)
    [ "$free" -ge "$store" ] || fail "$CODE_REFUSED" \
        "the old database's dump may take $((store / 1024)) MiB and $((free / 1024)) MiB are free in $HERE" \
        "free some space, or move this folder"
}

check_files() {
    if command -v sha256sum > /dev/null; then
        (cd "$HERE" && sha256sum --check --quiet checksums)
    elif command -v shasum > /dev/null; then
        (cd "$HERE" && shasum -a 256 --check checksums > /dev/null)
    else
        say "note: there is no sha256sum here, so the files are not checked"
    fi
}

check_all() {
    local data
    check_state
    [ "$CHECKS_BEFORE" = 0 ] || check_counts before.cypher "$CHECKS_BEFORE" || fail "$CODE_REFUSED" \
        "the database is not the one that the snapshot was made from" "export, generate and have the script written again"
    data=$(ask_value "SHOW SETTINGS 'server.directories.data' YIELD value RETURN value;")
    check_data_folder "$data"
    check_disk "$data"
    check_files || fail "$CODE_REFUSED" "files of this folder are damaged" "copy the folder again"
}

# --- the load, and the way back -------------------------------------------------------------------------------------

dump_old() {
    local name
    name=before-$(date -u +%Y%m%dT%H%M%SZ)
    make_folder "$HERE/$name" || fail "$CODE_REFUSED" "$HERE cannot be written to" \
        "put this folder where the user that runs the server may write"
    WAY_BACK=$HERE/$name
    say "stopping      the server"
    STATE=stopped
    stop_server || fail "$CODE_FAILED" "the server does not stop" "see above"
    ! answers || fail "$CODE_REFUSED" "$WHERE still answers: it is not the server that was stopped" \
        "name one server, by all that says where it is"
    say "dumping       the old database to $WAY_BACK"
    admin database dump "$DATABASE" --to-path="$(seen_by_server "$WAY_BACK")" ||
        fail "$CODE_FAILED" "the old database cannot be dumped" "see above"
    printf '%s\n' "$name" > "$JOURNAL"
}

import_new() {
    local line place
    place=$(seen_by_server "$HERE")
    while IFS= read -r line; do
        while [ "$line" != "${line#*"$MARK"}" ]; do line=${line%%"$MARK"*}$place${line#*"$MARK"}; done
        printf '%s\n' "$line"
    done < "$HERE/arguments" > "$WAY_BACK/arguments"
    say "importing     $COUNTS"
    STATE=replaced
    admin database import full "$DATABASE" "@$(seen_by_server "$WAY_BACK/arguments")" \
        --report-file="$(seen_by_server "$WAY_BACK/import.report")" ||
        fail "$CODE_FAILED" "the import failed" "see above"
}

run_step() {  # file; what it answers in the form of statements is run, too: of names that only the server knows
    local more
    more=$(shell < "$HERE/$1") || return 1
    more=$(printf '%s\n' "$more" | sed -n -e 's/^"\(DROP INDEX `[^`"]*`;\)"$/\1/p')
    [ -z "$more" ] || printf '%s\n' "$more" | shell > /dev/null
}

finish_load() {
    local step
    say "starting      the server"
    start_server || fail "$CODE_FAILED" "the server does not start" "see its logs"
    wait_for_server || fail "$CODE_FAILED" "the server does not answer within $WAIT_SECONDS s" "see its logs"
    for step in $STEPS; do
        say "running       $step"
        run_step "$step" || fail "$CODE_FAILED" "$step failed" "see above"
    done
    check_counts after.cypher "$CHECKS_AFTER" || fail "$CODE_FAILED" "what was loaded is not what this folder holds" \
        "report this"
    STATE=untouched
    rm -f "$JOURNAL"
}

put_back() {
    stop_server && admin database load "$DATABASE" --from-path="$(seen_by_server "$WAY_BACK")" \
        --overwrite-destination=true && start_server && wait_for_server && rm -f "$JOURNAL"
}

undo() {
    if [ $STATE = replaced ]; then
        say "undoing       putting back the database from before"
        put_back
    else
        start_server && wait_for_server
    fi
}

at_end() {
    local code=$?
    trap - EXIT
    trap '' HUP INT TERM
    set +e
    [ -z "$CHILD" ] || { kill "$CHILD"; wait "$CHILD"; CHILD=''; } 2> /dev/null
    if [ $code -ne 0 ] && [ $STATE != untouched ]; then
        if undo; then
            say "undone        the database is as it was before"
        else
            printf 'error: the database from before could not be put back\nhint: %s\n' \
                "see the server's logs; run this again to try once more; ${WAY_BACK:-nothing} holds its dump" >&2
        fi
    fi
    [ -z "$TEMPORARY" ] || rm -rf "$TEMPORARY"
    exit $code
}

undo_earlier_run() {
    [ -f "$JOURNAL" ] || return 0
    WAY_BACK=$HERE/$(cat "$JOURNAL")
    say "undoing       an earlier run that was ended half-way"
    put_back || fail "$CODE_FAILED" "the database from before could not be put back" \
        "see the server's logs; run this again to try once more; $WAY_BACK holds its dump"
}

main() {
    trap at_end EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    ask_password
    find_programs
    check_version
    undo_earlier_run
    check_all
    dump_old
    import_new
    finish_load
    say "loaded        $TITLE"
    say "way back      $WAY_BACK holds the database from before; remove it when you are sure"
    say "next          $NEXT"
}

main "$@"
