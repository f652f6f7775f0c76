: "${COMPOSE_FILE:=$FILE_PLANNED}"       # the compose file
: "${SERVICE:=$SERVICE_PLANNED}"         # the service in it that the server is
: "${NEO4J_ADDRESS:=$ADDRESS_PLANNED}"   # where cypher-shell finds the server, within its container
WHERE="service $SERVICE of $COMPOSE_FILE"
LABEL=importer.script=$(printf '%s' "$HERE" | cksum | cut -d ' ' -f 1)

compose() { docker compose --file "$COMPOSE_FILE" "$@"; }

inside() { compose exec --no-TTY "$SERVICE" "$@"; }  # a program in the server's container, while it runs

end_leftovers() {  # the container of an earlier run that was killed, or of one that a signal has ended, may still write
    local left
    left=$(docker ps --all --quiet --filter "label=$LABEL") || return 1
    # shellcheck disable=SC2086  # they are several words
    [ -z "$left" ] || docker rm --force $left > /dev/null
}

stop_server() { end_leftovers && compose stop --timeout 180 "$SERVICE"; }

start_server() { end_leftovers && compose up --detach --no-deps --no-recreate "$SERVICE"; }

find_programs() {
    command -v docker > /dev/null || fail "$CODE_USAGE" "there is no docker" "run this where docker compose is"
    [ -f "$COMPOSE_FILE" ] || fail "$CODE_USAGE" "$COMPOSE_FILE is not a file" "set COMPOSE_FILE to the compose file"
    case $HERE in *:*) fail "$CODE_USAGE" "$HERE has a colon, which Docker cannot mount" "move this folder" ;; esac
    export NEO4J_PASSWORD                # the compose file may ask for it
    umask 022                            # what is written here is read in containers, too
    # The image's entrypoint runs programs as the server's user, who sees this folder as /load; plugins are not for us.
    BESIDE=(docker compose --file "$COMPOSE_FILE" run --rm --no-deps --no-TTY --label "$LABEL" --env "HEAP_SIZE=$HEAP_SIZE"
        --env LC_ALL=C.UTF-8 --env NEO4J_PLUGINS= --volume "$HERE:/load" "$SERVICE")
    ADMIN=("${BESIDE[@]}" neo4j-admin)
}

shell() {  # the password goes in front of the statements: an argument or a variable of docker's could be seen
    local program='IFS= read -r NEO4J_PASSWORD; export NEO4J_PASSWORD LC_ALL=C.UTF-8; exec cypher-shell "$@"'
    { printf '%s\n' "$NEO4J_PASSWORD"; if [ $# -gt 0 ]; then printf '%s\n' "$1"; else cat; fi; } |
        inside sh -c "$program" sh -a "$NEO4J_ADDRESS" -u "$NEO4J_USERNAME" -d "$DATABASE" --non-interactive --format plain
}

seen_by_server() { printf '%s\n' "/load${1#"$HERE"}"; }  # a path in this folder

make_folder() { mkdir -m 0777 "$1" 2> /dev/null; }       # the server's user writes into it

server_free_kib() { inside df -Pk "$1" < /dev/null | free_kib; }

server_store_kib() {
    inside du -sk "$1/databases/$DATABASE" "$1/transactions/$DATABASE" < /dev/null 2> /dev/null |
        awk '{ all += $1 } END { print all + 0 }'
}

check_data_folder() {
    local look='test -d "$1" || echo "unseen: $1"; find /load ! -exec test -r {} \; -print 2>&1 | sed "s/^/unseen: /"' said
    said=$("${BESIDE[@]}" sh -c "$look" sh "$1/databases/$DATABASE" < /dev/null) || fail "$CODE_FAILED" \
        "no container can be run beside $WHERE" "see above"
    case $said in
        *"unseen: $1"*) fail "$CODE_REFUSED" "$WHERE has no $1/databases/$DATABASE in a volume" \
            "name the server's own service with SERVICE; mount a volume at /data" ;;
        *"unseen: "*) fail "$CODE_REFUSED" "the server's user in a container cannot read all of $HERE" \
            "chmod -R o+rX '$HERE'" ;;
    esac
}
