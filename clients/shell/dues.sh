# Dues for bash 4.4 or later, version 1.0.0, MIT licence. Source this file; each method is then a function, such as
# dues_create_customer, which `dues_create_customer --help` describes.
#
#   DUES_TCP=HOST:PORT    where the server is; 127.0.0.1:7171 unless given
#   DUES_UNIX=PATH        or its Unix socket
#   DUES_TOKEN=TOKEN      if the server asks for one; or DUES_TOKEN_FILE=PATH, whose first line it is
#   DUES_TIMEOUT=MS       of every call that has no --timeout
#   DUES_RETRIES=N        of every call that has no --retries; 2 unless given
#   DUES_AUTHORIZATION='Bearer TOKEN'    before a call: of this one
#
# Options of a call: --timeout MS, --retries N, --idempotency-key KEY, --traceparent CONTEXT, --verbose (the result's _meta says
# what the server did), --json PARAMS (instead of words).
#
# A call prints its result, a line of JSON, and leaves it in DUES_RESULT. If it fails, it prints a line on standard error, leaves
# the error in DUES_ERROR, and parts of it in DUES_STATUS, DUES_REASON and DUES_MESSAGE; its exit status is the number that gRPC
# has for the error's status, or 64 if nothing was sent because the call is not written as it must be.
# shellcheck shell=bash

[[ -z ${_dues_version-} ]] || return 0
if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
    echo 'dues: bash 4.4 or later is needed' >&2
    return 1
fi
_dues_version=1.0.0

case ${BASH_SOURCE[0]} in */*) _dues_home=${BASH_SOURCE[0]%/*} ;; *) _dues_home=. ;; esac
# shellcheck source=dues-json.sh
source "$_dues_home/dues-json.sh"
# shellcheck source=dues-connection.sh
source "$_dues_home/dues-connection.sh"
# shellcheck source=dues-methods.sh
source "$_dues_home/dues-methods.sh"

DUES_RESULT='' DUES_ERROR='' DUES_STATUS='' DUES_REASON='' DUES_MESSAGE=''

_dues_statuses=(OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED
    RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED)

# Calls the method $1 by its name on the wire, with the JSON object $2 ({} unless given); options may follow.
dues_call() {
    local params='{}'
    if (($# > 1)) && [[ $2 != --* ]]; then
        params=$2
        set -- "$1" "${@:3}"
    fi
    _dues_invoke "${1-}" '' --json "$params" "${@:2}"
}

# What the function of the method $1 does with its arguments.
_dues_typed() { _dues_invoke "$1" "${FUNCNAME[1]}" "${@:2}"; }

# Calls the method $1 with the words NAME=VALUE, which are those of the function $2, and the options behind it.
_dues_invoke() {
    # The caller's settings shall neither end the shell in here, nor show a token.
    local - LC_ALL=C IFS=$' \t\n' method=$1 function=$2 timeout=${DUES_TIMEOUT-} retries=${DUES_RETRIES-2} REPLY
    local about='' params='' token=${DUES_TOKEN-} words=()
    set +eumx +o posix
    shift 2
    DUES_RESULT='' DUES_ERROR='' DUES_STATUS='' DUES_REASON='' DUES_MESSAGE=''
    if [[ -n ${DUES_AUTHORIZATION-} ]]; then _dues_say authorization "$DUES_AUTHORIZATION"; fi
    while (($#)); do
        case $1 in
        --verbose) about+=',"verbose":true' ;;
        --json | --timeout | --retries | --idempotency-key | --traceparent)
            (($# > 1)) || _dues_misused "$1: without a value" || return
            case $1 in
            --json) params=$2 ;;
            --timeout) timeout=$2 ;;
            --retries) retries=$2 ;;
            --idempotency-key) _dues_say idempotencyKey "$2" ;;
            --traceparent) _dues_say traceparent "$2" ;;
            esac
            shift
            ;;
        --*) _dues_misused "$1: unknown" || return ;;
        *) words+=("$1") ;;
        esac
        shift
    done
    [[ $method == +([[:alnum:]._]) ]] || _dues_misused 'not the name of a method' || return
    [[ $timeout == ?([1-9]*([0-9])) && ${#timeout} -lt 10 ]] || _dues_misused 'a timeout is in milliseconds' || return
    [[ $retries == +([0-9]) && ${#retries} -lt 4 ]] || _dues_misused 'retries are a number' || return
    if [[ -z $params ]]; then
        _dues_object "$function" "${words[@]}" || _dues_misused "$REPLY" || return
        params=$REPLY
    else
        ((${#words[@]} == 0)) || _dues_misused "${words[0]%%=*}: beside --json" || return
        _dues_take_params
    fi
    if [[ -z $token && -n ${DUES_TOKEN_FILE-} ]]; then
        IFS= read -r token <"$DUES_TOKEN_FILE" || [[ -n $token ]] || _dues_misused 'no token in DUES_TOKEN_FILE' || return
    fi
    if [[ $about != *',"idempotencyKey":'* && $_dues_writing == *" $method "* ]]; then
        REPLY=$(od -An -N16 -tx1 /dev/urandom)
        _dues_say idempotencyKey "${REPLY//[!0-9a-f]/}"
    fi
    # What the server takes in a line, less what may stand around these.
    ((${#method} + ${#params} + ${#about} < (1 << 20) - 100)) || _dues_misused 'longer than a line may be' || return
    if _dues_perform; then
        printf '%s\n' "$DUES_RESULT"
    else
        printf 'dues: %s: %s %s: %s\n' "$method" "$DUES_STATUS" "$DUES_REASON" "${DUES_MESSAGE//[[:cntrl:]]/ }" >&2
        _dues_exit_status
    fi
}

# Says that a call is not written as it must be.
_dues_misused() {
    printf 'dues: %s: %s\n' "$method" "$1" >&2
    if [[ -n $function ]]; then "$function" --help >&2; fi
    return 64
}

# Says the text $2 under the name $1 in the call's metadata, `about`.
_dues_say() {
    _dues_quote "$2"
    about+=",\"$1\":$REPLY"
}

# Makes one line of the `params` that the caller wrote, and takes the metadata in them over into `about`.
_dues_take_params() {
    local names values i
    params=${params//[$'\r\n']/ } params=${params#"${params%%[! ]*}"} params=${params%"${params##*[! ]}"}
    [[ $params == *'"_meta"'* ]] && _dues_member "$params" _meta || return 0
    if [[ $REPLY != '{'* ]]; then
        about='' timeout='' # the server says what is wrong with it
        return
    fi
    names=("${_dues_names[@]}") values=("${_dues_values[@]}") params=''
    _dues_split "$REPLY"
    for i in "${!_dues_names[@]}"; do
        _dues_quote "${_dues_names[i]}"
        if [[ -n $timeout && $REPLY == '"timeoutMs"' ]]; then continue; fi
        if [[ $about != *",$REPLY:"* ]]; then about+=,$REPLY:${_dues_values[i]}; fi
    done
    for i in "${!names[@]}"; do
        _dues_quote "${names[i]}"
        if [[ ${names[i]} != _meta ]]; then params+=,$REPLY:${values[i]}; fi
    done
    params="{${params#,}}"
}

# Makes the call, again where that may help.
_dues_perform() {
    local deadline until attempt pause is_repeatable=''
    _dues_now
    deadline=$((REPLY + ${timeout:-90000})) until=$((timeout ? deadline + 1000 : deadline))
    if [[ $about == *',"idempotencyKey":'* || $_dues_repeatable == *" $method "* ]]; then is_repeatable=1; fi
    for ((attempt = 0; ; attempt++)); do
        _dues_attempt && return
        # What had no answer in time has no time left.
        [[ $_dues_is_retryable && $is_repeatable && $DUES_REASON != NO_ANSWER ]] && ((attempt < retries)) || return
        pause=${_dues_retry_after:-$((RANDOM % ((attempt < 6 ? 100 << attempt : 5000) + 1)))}
        _dues_now
        ((REPLY + pause < deadline)) || return
        printf -v pause '%d.%03d' $((pause / 1000)) $((pause % 1000))
        sleep "$pause"
    done
}

# Makes the call once.
_dues_attempt() {
    local line left said=$about id=$((++_dues_last_id))
    _dues_connect || return
    if [[ -n $timeout ]]; then
        _dues_now
        left=$((deadline - REPLY))
        said+=,\"timeoutMs\":$((left > 0 ? left : 1))
    fi
    line="{\"jsonrpc\":\"2.0\",\"id\":$id,\"method\":\"$method\",\"params\":"
    if [[ -z $said || $params != '{'*'}' ]]; then
        line+="$params}"
    else
        line+=${params%\}}
        if [[ $params == '{'*[!' ']*'}' ]]; then line+=,; fi
        line+="\"_meta\":{${said#,}}}}"
    fi
    _dues_exchange "$id" "$line" "$until" && return
    if [[ $DUES_REASON == NO_ANSWER ]]; then
        _dues_send "{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\",\"params\":{\"id\":$id}}"
    fi
    return 1
}

# Keeps the error $1, and what matters in it.
_dues_failed() {
    local value i
    DUES_ERROR=$1 DUES_STATUS=UNKNOWN DUES_REASON=UNSPECIFIED DUES_MESSAGE='' _dues_is_retryable='' _dues_retry_after=''
    if _dues_member "$1" message && _dues_unescape "$REPLY"; then printf -v DUES_MESSAGE %b "$REPLY"; fi
    if _dues_member "$1" data && _dues_split "$REPLY"; then
        for i in "${!_dues_names[@]}"; do
            value=${_dues_values[i]//\"/}
            case ${_dues_names[i]}=$value in
            status=*) DUES_STATUS=$value ;;
            reason=*) DUES_REASON=$value ;;
            retryable=true) _dues_is_retryable=1 ;;
            retryAfterMs=*) if [[ $value =~ ^[0-9]{1,9}$ ]]; then _dues_retry_after=$value; fi ;;
            esac
        done
    fi
    return 1
}

# Fails with an error of the client's own.
_dues_fault() {
    _dues_quote "$5"
    _dues_failed "{\"code\":$1,\"message\":$REPLY,\"data\":{\"status\":\"$2\",\"reason\":\"$3\",\"retryable\":$4}}"
}

_dues_lost() { _dues_fault -32014 UNAVAILABLE CONNECTION_LOST true "$1"; }

# Fails with the number of DUES_STATUS.
_dues_exit_status() {
    local number
    for number in "${!_dues_statuses[@]}"; do
        if [[ ${_dues_statuses[number]} == "$DUES_STATUS" ]]; then return "$number"; fi
    done
    return 2
}

# Puts the time in milliseconds into REPLY.
_dues_now() {
    if [[ -n ${EPOCHREALTIME-} ]]; then # bash 5
        REPLY=${EPOCHREALTIME/[!0-9]/} REPLY=${REPLY%???}
    else
        REPLY=$(date +%s%3N)
    fi
}
