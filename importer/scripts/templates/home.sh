: "${NEO4J_HOME:=$HOME_PLANNED}"         # the server's home; if empty its programs are looked for in PATH
: "${NEO4J_CONF:=$CONF_PLANNED}"         # the folder of its neo4j.conf; if empty its programs know
: "${NEO4J_ADDRESS:=$ADDRESS_PLANNED}"   # where cypher-shell finds the server
WHERE=$NEO4J_ADDRESS

# A server that is run in another way, as a systemd service for one, is stopped and started by other words in these two.
stop_server() { "$SERVER" stop; }
start_server() { "$SERVER" start; }

find_program() {  # name
    local path=$NEO4J_HOME/bin/$1
    [ -n "$NEO4J_HOME" ] && [ -x "$path" ] || path=$(command -v "$1") || fail "$CODE_USAGE" \
        "there is no $1 in ${NEO4J_HOME:-PATH}" "set NEO4J_HOME to the server's home: the folder that bin/neo4j-admin is in"
    printf '%s\n' "$path"
}

find_programs() {
    [ -z "$NEO4J_HOME" ] || export NEO4J_HOME
    [ -z "$NEO4J_CONF" ] || export NEO4J_CONF
    SERVER=$(find_program neo4j)
    SHELL_PROGRAM=$(find_program cypher-shell)
    ADMIN=(env "HEAP_SIZE=$HEAP_SIZE" LC_ALL=C.UTF-8 "$(find_program neo4j-admin)")
    # The way to this folder may have signs in it that neo4j-admin takes for its own, such as commas.
    TEMPORARY=$(mktemp -d /tmp/importer-XXXXXXXX)
    ln -s "$HERE" "$TEMPORARY/load"
}

shell() {
    LC_ALL=C.UTF-8 NEO4J_USERNAME=$NEO4J_USERNAME NEO4J_PASSWORD=$NEO4J_PASSWORD \
        "$SHELL_PROGRAM" -a "$NEO4J_ADDRESS" -d "$DATABASE" --non-interactive --format plain "$@"
}

seen_by_server() { printf '%s\n' "$TEMPORARY/load${1#"$HERE"}"; }  # a path in this folder

make_folder() { mkdir -m 0700 "$1" 2> /dev/null; }

server_free_kib() { df -Pk "$1" | free_kib; }

server_store_kib() {
    du -sk "$1/databases/$DATABASE" "$1/transactions/$DATABASE" 2> /dev/null | awk '{ all += $1 } END { print all + 0 }'
}

check_data_folder() {
    [ -d "$1/databases/$DATABASE" ] || fail "$CODE_REFUSED" \
        "the server keeps the database in $1/databases/$DATABASE, which is not on this machine" "run this on the server's machine"
    [ -O "$1/databases/$DATABASE" ] || fail "$CODE_REFUSED" \
        "$1/databases/$DATABASE belongs to another user than $(id -un), who could not read what is imported" \
        "run this as the user that runs the server, such as: sudo -u neo4j NEO4J_HOME=… ./load.sh"
}
