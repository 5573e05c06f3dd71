#!/usr/bin/env bash
# The client, driven by JSON-RPC lines on standard streams: each call that comes in is made by its own function.
# shellcheck source=../dues.sh
source "$(dirname "${BASH_SOURCE[0]}")/../dues.sh"

LC_ALL=C # the functions that read JSON count bytes
DUES_RETRIES=0
while (($#)); do
    case $1 in
    --tcp) DUES_TCP=$2 ;;
    --unix) DUES_UNIX=$2 ;;
    --stdio) dues_spawn /bin/sh -c "exec $2" ;;
    --serve) dues_launch /bin/sh -c "exec $2" ;;
    --token) DUES_TOKEN=$2 ;;
    --retries) DUES_RETRIES=$2 ;;
    *) echo "$1: unknown" >&2 && exit 64 ;;
    esac
    shift 2
done

# dues_create_customer, for CreateCustomer; dues_rpc_hello, for rpc.hello.
function_of() {
    local name=$1 letter
    for letter in {A..Z}; do name=${name//$letter/_${letter,}}; done
    name=${name//./_}
    REPLY=dues_${name#_}
}

# Takes the metadata $1 as the client's own options; fails if they cannot say it.
options_of() {
    local i
    [[ $1 == '{'* ]] && _dues_split "$1" || return 1
    local -a names=("${_dues_names[@]}") values=("${_dues_values[@]}")
    for i in "${!names[@]}"; do
        text_of "${values[i]}"
        case ${names[i]}=${values[i]} in
        timeoutMs=*[!0-9]* | timeoutMs=0* | timeoutMs=??????????*) return 1 ;;
        timeoutMs=*) options+=(--timeout "$REPLY") ;;
        verbose=true) options+=(--verbose) ;;
        idempotencyKey=\"*) options+=(--idempotency-key "$REPLY") ;;
        traceparent=\"*) options+=(--traceparent "$REPLY") ;;
        authorization=\"*) authorization=$REPLY ;;
        *) return 1 ;;
        esac
    done
}

# Takes the params $2 as words of the function $1; fails if they cannot say it.
words_of() {
    local leaf
    local -a leaves
    [[ $2 == '{'* ]] || return 1
    words=()
    mapfile -t leaves < <(leaves_of "$2")
    for leaf in "${leaves[@]}"; do
        text_of "${leaf#*=}"
        words+=("${leaf%%=*}=$REPLY")
    done
    _dues_object "$1" "${words[@]}" && [[ $(leaves_of "$REPLY" | sort) == "$(leaves_of "$2" | sort)" ]]
}

# Prints what the JSON $1 holds besides metadata, a line NAME.NAME=VALUE for each value that holds nothing itself.
leaves_of() {
    local i
    if [[ $1 == [\[\{]* ]] && _dues_split "$1" && ((${#_dues_names[@]})); then
        local -a names=("${_dues_names[@]}") values=("${_dues_values[@]}")
        for i in "${!names[@]}"; do
            if [[ ${2-}${names[i]} != _meta ]]; then leaves_of "${values[i]}" "${2-}${names[i]}."; fi
        done
    elif [[ -n ${2-} ]]; then
        printf '%s=%s\n' "${2%.}" "$1"
    fi
}

# What the JSON $1 says if it is a string, else $1.
text_of() {
    REPLY=$1
    if [[ $1 == \"* ]]; then
        _dues_unescape "$1"
        printf -v REPLY %b "$REPLY"
    fi
}

answer() {
    local line=$1 id=null method='' params='{}' authorization='' has_words=1 function i
    local -a options=() words=()
    _dues_split "$line" || return 1
    for i in "${!_dues_names[@]}"; do
        case ${_dues_names[i]} in
        id) id=${_dues_values[i]} ;;
        method) method=${_dues_values[i]//\"/} ;;
        params) params=${_dues_values[i]} ;;
        esac
    done
    if [[ -z $method || $method == rpc.cancel ]]; then return; fi # calls are made one by one: there is none to cancel
    if _dues_member "$params" _meta && ! options_of "$REPLY"; then options=() authorization='' has_words=''; fi
    function_of "$method"
    function=$REPLY
    if [[ $method == rpc.* || $method == [A-Z]* ]] && declare -F "$function" >/dev/null; then
        if [[ $has_words ]] && words_of "$function" "$params"; then
            options+=("${words[@]}")
        else
            options+=(--json "$params")
        fi
    else
        function=dues_call options=("$method" "$params" "${options[@]}")
    fi
    if DUES_AUTHORIZATION=$authorization "$function" "${options[@]}" >/dev/null 2>&1; then
        printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$DUES_RESULT"
    else
        printf '{"jsonrpc":"2.0","id":%s,"error":%s}\n' "$id" \
            "${DUES_ERROR:-{\"code\":-32603,\"message\":\"The call could not be made.\"\}}"
    fi
}

while IFS= read -r line; do
    answer "$line" || echo '{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"The line is not understood."}}'
done
dues_close
exit 0
