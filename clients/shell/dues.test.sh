#!/usr/bin/env bash
# Tests of what needs no server; and of the ways to one, if DUES_BIN=path/to/dues says where it is.
set -euo pipefail # as careful scripts do: the client is to work under it
# shellcheck source=dues.sh
source "$(dirname "${BASH_SOURCE[0]}")/dues.sh"
trap dues_close EXIT
failures=0

# Expects that the command behind $2 prints $2, and ends with the status $1.
expect() {
    local status=0 output
    output=$("${@:3}" 2>&1) || status=$?
    if [[ $status:$output != "$1:$2" ]]; then
        printf 'FAILED: %s\n  expected %s\n  got      %s\n' "${*:3}" "$1:$2" "$status:$output"
        failures=$((failures + 1))
    fi
}

get() { dues_get "$1" <<<"$2"; }
words() { (LC_ALL=C && if _dues_object "$@"; then echo "$REPLY"; else echo "$REPLY" && return 1; fi); }

# Values by pointers (RFC 6901), exactly.
expect 0 9007199254740993 get /a/1 '{"a":[1, 9007199254740993 ,{"b":[]}]}'
expect 0 '{"b":[ ]}' get /a/2 ' {"a":[1, 2 ,{"b":[ ]}]}'
expect 0 $'xé😀\n"\\/' get /a/b '{"a":{"b":"x\u00e9\uD83D\ude00\n\"\\\/"},"b":9}'
expect 0 '-1.5e+10' get /a '{"a":-1.5e+10}'
expect 0 '\"x' get /a '{"a":"\\\"x","b":""}'
expect 0 '' get /b '{"a":"\\\"x","b":""}'
expect 0 null get /b '{"a":[[],{}],"b":null}'
expect 0 true get '/a~1b/~0' '{"a/b":{"~":true}}'
expect 0 5 get / '{"":5}'
expect 0 5 get /é '{"\u00e9":5}'
expect 0 hi get '' ' "hi" '
expect 1 '' get /a/3 '{"a":[1, 2]}'
expect 1 '' get /a/b '{"a":1}'
expect 1 '' get /a 12
for text in '' 1,2 '[1}' '{"a":01}' '{"a":1:[2]}' '{"a":1,}' '{"a":"b}' '{"a":"b"}"' '{"a":tru}' '{"a" 1}' '{"a":"'$'\t''"}' \
    '{"a":"\x"}' '{"a":"\ud800"}' '{"a":"\ude00\ud83d"}' '{1:2}' '[1 2]' '{"a":{"b":1]}' '"'; do
    expect 2 'dues_get: the text is not JSON' get /a "$text"
done

# Words, typed by the schemas.
expect 0 '{"email":"a\"b\\c","name":"x\u000ay","address":{"city":"London"},"metadata":{"a.b":"7"}}' \
    words dues_create_customer email='a"b\c' metadata.a.b=7 name=$'x\ny' address.city=London
expect 0 '{"customerId":"c","allowDuplicate":true,"items":[{"priceId":"a","quantity":3},{"priceId":"b"}]}' \
    words dues_create_subscription items.1.priceId=b items.0.priceId=a items.0.quantity=3 customerId=c allowDuplicate=true
expect 0 '{}' words dues_rpc_health
expect 1 'items.0: missing' words dues_create_subscription items.1.priceId=b
expect 1 'items.x.priceId: items are counted from 0' words dues_create_subscription items.x.priceId=b
expect 1 'quantity: not an integer' words dues_create_subscription quantity=1.0
expect 1 'allowDuplicate: neither true nor false' words dues_create_subscription allowDuplicate=1
expect 1 'items: has members of its own' words dues_create_subscription items=x
expect 1 'customerId.x: unknown' words dues_create_subscription customerId.x=x
expect 1 'emial: unknown' words dues_create_customer emial=x
expect 1 'name: given twice' words dues_create_customer name=a name=b
expect 1 'not NAME=VALUE: name' words dues_create_customer name

# What is not written as it must be is not sent, and is explained.
expect 64 "dues: rpc.health: x: unknown
$(dues_rpc_health --help)" dues_rpc_health x=1
expect 64 'dues: Cancel: a timeout is in milliseconds' dues_call Cancel --timeout 1.5
expect 14 'dues: rpc.health: UNAVAILABLE CONNECTION_LOST: No connection could be made.' \
    env DUES_TCP=127.0.0.1:1 DUES_RETRIES=0 bash -c 'source ./dues.sh; dues_rpc_health'

if [[ -n ${DUES_BIN-} ]]; then
    work=$(mktemp -d)
    trap 'dues_close; rm -rf "$work"' EXIT
    health() { dues_rpc_health | dues_get /status; }

    # A server that is spoken to over its standard streams keeps what it was told for as long as the shell itself makes the calls.
    dues_spawn "$DUES_BIN" stdio --sandbox --log error
    dues_create_customer name='Ada "the first" Lovelace' metadata.a=1 >/dev/null
    customer=$(dues_get /customerId <<<"$DUES_RESULT")
    dues_get_payment_method customerId="$customer" >/dev/null 2>&1 && status=0 || status=$?
    expect 0 '5 NO_PAYMENT_METHOD NOT_FOUND' echo "$status" "$DUES_REASON" "$DUES_STATUS"
    expect 0 "$DUES_ERROR" cat <<<"$DUES_ERROR"
    child=$_dues_child
    dues_close
    sleep 0.2
    expect 1 '' eval "kill -0 $child 2>/dev/null"

    # One that is launched says where it listens: on a port, and at a path.
    dues_launch "$DUES_BIN" serve --sandbox --log error --tcp 127.0.0.1:0 --unix "$work/dues.sock"
    server=$_dues_server
    expect 0 SERVING health
    dues_rpc_health >/dev/null
    connection=$_dues_in
    (dues_rpc_health >/dev/null && dues_close) # leaves alone what is its parent's
    dues_rpc_health >/dev/null
    expect 0 "$connection" echo "$_dues_in"
    if command -v nc >/dev/null; then DUES_UNIX=$work/dues.sock expect 0 SERVING health; fi

    # A server that has gone is an error, and no end of the shell by SIGPIPE, whose trap is left as it was.
    trap 'echo never' PIPE
    kill -KILL "$server"
    sleep 0.2
    dues_rpc_health --retries 0 >/dev/null 2>&1 && status=0 || status=$?
    expect 0 '14 CONNECTION_LOST' echo "$status" "$DUES_REASON"
    expect 0 "trap -- 'echo never' SIGPIPE" trap -p PIPE
    dues_close
    expect 14 'dues: the server does not say where it listens' dues_launch true
fi

echo "$failures failed"
((failures == 0))
