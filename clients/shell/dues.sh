# Dues for bash 4.4 or later. Source this file; every method is then a function, and `dues_create_customer --help` describes it.
#
#   DUES_TCP=HOST:PORT         where the server is; 127.0.0.1:7171 unless given
#   DUES_UNIX=PATH             or its Unix socket, which takes OpenBSD's nc or Nmap's ncat
#   DUES_TOKEN=TOKEN           if the server asks for one; or DUES_TOKEN_FILE=PATH, whose first line it is
#   DUES_TIMEOUT=MS            for every call that has no --timeout
#   DUES_RETRIES=N             for every call that has no --retries; 2 unless given
#   DUES_AUTHORIZATION='Bearer TOKEN'    before a call: for this one
#
# A call prints its result, a line of JSON, and leaves it in DUES_RESULT. One that fails prints a line on standard error, leaves
# the error in DUES_ERROR and its reason in DUES_REASON, and its exit status is the gRPC status; 64 says that nothing was sent.
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
# shellcheck source=dues-methods.sh
source "$_dues_home/dues-methods.sh"

DUES_RESULT='' DUES_ERROR='' DUES_REASON=''

_dues_statuses=(OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED
    RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED)
_dues_longest_line=1048576    # the server takes no longer one
_dues_longest_answer=67108864 # whoever sends a longer line is no Dues server

_dues_command=() # the server that is spawned for each connection
_dues_server=''  # the process that dues_launch started
# The connection: the process that made it and alone may use it, where it leads, its descriptors, the process behind them if there
# is one, and whether it is in the middle of a call.
_dues_owner='' _dues_peer='' _dues_in='' _dues_out='' _dues_child='' _dues_is_busy=''
_dues_last_id=0

# Calls the method $1 by its name on the wire, with the JSON object $2 ({} unless given) and the options behind it.
dues_call() {
    if [[ ${2---} == --* ]]; then
        _dues_invoke "${1?the name of a method is missing}" '' --json '{}' "${@:2}"
    else
        _dues_invoke "$1" '' --json "$2" "${@:3}"
    fi
}

# Has the connections to come made by spawning the command $@, such as `dues stdio`, and speaking to its standard streams.
dues_spawn() {
    dues_close
    _dues_command=("$@")
}

# Starts the command $@, such as `dues serve --tcp 127.0.0.1:0`, and has the connections to come made to the address that it
# says. It ends by dues_close.
dues_launch() {
    local - IFS=$' \t\n' out line=''
    set +eux
    dues_close
    exec {out}< <(exec "$@" </dev/null)
    _dues_server=$BASHPID:$!
    IFS= read -r -t 10 -n 65536 -u "$out" line
    exec {out}<&-
    if _dues_member "$line" tcp && [[ $REPLY == \"* ]]; then
        DUES_TCP=${REPLY//\"/} DUES_UNIX=''
    elif _dues_member "$line" unix && [[ $REPLY == \"* ]]; then
        _dues_unescape "$REPLY"
        printf -v DUES_UNIX %b "$REPLY"
    else
        dues_close
        echo 'dues: the server does not say where it listens' >&2
        return 14
    fi
}

# Ends the connection, and what was spawned.
dues_close() {
    _dues_disconnect
    _dues_command=()
    if [[ $_dues_server == "$BASHPID:"* ]]; then
        kill "${_dues_server#*:}" 2>/dev/null
        _dues_reap "${_dues_server#*:}"
    fi
    _dues_server=''
}

# What the function of a method does with its arguments: the words of the method $1 are typed as `_dues_shapes` say.
_dues_typed() { _dues_invoke "$1" "${FUNCNAME[1]}" "${@:2}"; }

# Calls the method $1 with the words NAME=VALUE, typed as $2, and the options that are behind it.
_dues_invoke() {
    local - IFS=$' \t\n' method=$1 type=$2 timeout=${DUES_TIMEOUT-} retries=${DUES_RETRIES-2} about='' params='' words=()
    set +eux +o posix
    shift 2
    DUES_RESULT='' DUES_ERROR='' DUES_REASON=''
    if [[ -n ${DUES_AUTHORIZATION-} ]]; then _dues_about authorization "$DUES_AUTHORIZATION"; fi
    while (($#)); do
        case $1 in
        --verbose) about+=',"verbose":true' && shift && continue ;;
        --json) params=${2-} ;;
        --timeout) timeout=${2-} ;;
        --retries) retries=${2-} ;;
        --idempotency-key) _dues_about idempotencyKey "${2-}" ;;
        --traceparent) _dues_about traceparent "${2-}" ;;
        --*) _dues_usage "$1: unknown" || return ;;
        *) words+=("$1") && shift && continue ;;
        esac
        (($# > 1)) || _dues_usage "$1: without a value" || return
        shift 2
    done
    [[ $timeout =~ ^([1-9][0-9]{0,8})?$ ]] || _dues_usage 'the timeout is in milliseconds' || return
    [[ $retries =~ ^[0-9]{1,3}$ ]] || _dues_usage 'retries are counted' || return
    if [[ -z $params ]]; then
        _dues_object "$type" "${words[@]}" || _dues_usage "$REPLY" || return
        params=$REPLY
    elif ((${#words[@]})); then
        _dues_usage "${words[0]%%=*}: beside --json" || return
    else
        _dues_take_params
    fi
    if [[ $about != *,\"idempotencyKey\":* && $_dues_writing == *" $method "* ]]; then
        _dues_about idempotencyKey "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
    fi
    _dues_call_again
}

# Adds the text $2 under the name $1 to what is said `about` a call.
_dues_about() {
    _dues_quote "$2"
    about+=",\"$1\":$REPLY"
}

# Takes the metadata out of `params` as they were given, into `about`; and line feeds, which would end the call's line.
_dues_take_params() {
    local names values i
    params=${params//$'\n'/ } params=${params#"${params%%[! ]*}"} params=${params%"${params##*[! ]}"}
    if [[ $params != *'"_meta"'* ]] || ! _dues_member "$params" _meta; then return; fi
    if [[ $REPLY != '{'* ]]; then
        about='' timeout='' # the server shall say what is wrong with it
        return
    fi
    names=("${_dues_names[@]}") values=("${_dues_values[@]}") params=''
    _dues_split "$REPLY"
    for ((i = 0; i < ${#_dues_names[@]}; i++)); do
        _dues_quote "${_dues_names[i]}"
        if [[ $about != *",$REPLY:"* ]]; then about+=,$REPLY:${_dues_values[i]}; fi
    done
    for ((i = 0; i < ${#names[@]}; i++)); do
        _dues_quote "${names[i]}"
        if [[ ${names[i]} != _meta ]]; then params+=,$REPLY:${values[i]}; fi
    done
    params={${params#,}}
}

# Makes the call, again where that may help.
_dues_call_again() {
    local status='' message='' retryable='' retry_after='' attempt deadline until pause=0 is_repeatable='' index
    _dues_now
    deadline=$((REPLY + ${timeout:-90000})) until=$((REPLY + ${timeout:-89000} + 1000))
    if [[ $about == *,\"idempotencyKey\":* || $_dues_repeatable == *" $method "* ]]; then is_repeatable=1; fi
    for ((attempt = 0; ; attempt++)); do
        if _dues_attempt; then
            printf '%s\n' "$DUES_RESULT"
            return
        fi
        pause=${retry_after:-$((RANDOM % ((attempt < 6 ? 100 << attempt : 5000) + 1)))}
        _dues_now
        [[ $retryable == true && $DUES_REASON != NO_ANSWER && $is_repeatable ]] || break
        ((attempt < retries && REPLY + pause < deadline)) || break
        printf -v pause '%d.%03d' $((pause / 1000)) $((pause % 1000))
        sleep "$pause"
    done
    printf 'dues: %s: %s %s: %s\n' "$method" "$status" "$DUES_REASON" "${message//[[:cntrl:]]/ }" >&2
    for index in "${!_dues_statuses[@]}"; do
        if [[ ${_dues_statuses[index]} == "$status" ]]; then return "$index"; fi
    done
    return 2
}

# Makes the call once, and leaves the result in DUES_RESULT; or fails with what _dues_failed leaves.
_dues_attempt() {
    local line left said=$about id=$((++_dues_last_id))
    _dues_connect || return
    if [[ -n $timeout ]]; then
        _dues_now
        left=$((deadline - REPLY))
        said+=,\"timeoutMs\":$((left > 0 ? left : 1))
    fi
    _dues_quote "$method"
    line="{\"jsonrpc\":\"2.0\",\"id\":$id,\"method\":$REPLY,\"params\":"
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
        _dues_disconnect # what comes yet is not read
    fi
    return 1
}

# Sends the line $2 of the call $1, and waits until $3 for its answer.
_dues_exchange() {
    local LC_ALL=C id=$1 left line status i name
    local -A message
    if ((${#2} >= _dues_longest_line)); then
        _dues_fault -32008 RESOURCE_EXHAUSTED LINE_TOO_LONG false "The call is longer than a line may be."
        return
    fi
    _dues_is_busy=1
    _dues_send "$2" || _dues_lost 'The connection is lost.' || return
    while :; do
        _dues_now
        left=$(($3 - REPLY))
        if ((left > 0)); then
            printf -v left '%d.%03d' $((left / 1000)) $((left % 1000))
            IFS= read -r -t "$left" -n "$_dues_longest_answer" -u "$_dues_in" line
            status=$?
        fi
        if ((left <= 0 || status > 128)); then
            _dues_fault -32004 DEADLINE_EXCEEDED NO_ANSWER true 'No answer in time.'
            return
        elif ((status || ${#line} >= _dues_longest_answer)); then
            _dues_lost 'The connection is lost.'
            return
        fi
        line=${line%$'\r'}
        case $line in
        '{"jsonrpc":"2.0","id":'"$id"',"result":{'*'}}') # as Dues writes it: it is not taken apart
            DUES_RESULT=${line#*'"result":'} DUES_RESULT=${DUES_RESULT%\}} _dues_is_busy=''
            return 0
            ;;
        '') continue ;;
        esac
        _dues_split "$line" || _dues_lost 'The server sent a line that is not JSON.' || return
        message=()
        for i in "${!_dues_names[@]}"; do message[.${_dues_names[i]}]=${_dues_values[i]}; done
        if [[ ${message[.id]-null} == "$id" && -n ${message[.result]-} ]]; then
            DUES_RESULT=${message[.result]} _dues_is_busy=''
            return 0
        elif [[ ${message[.id]-null} == @("$id"|null) && -n ${message[.error]-} ]]; then
            _dues_is_busy=''
            _dues_failed "${message[.error]}"
            return
        fi
    done
}

# Sends the line $1, from a process of its own: if the server has gone, SIGPIPE must not be the end of the caller's.
_dues_send() { (trap '' PIPE && printf '%s\n' "$1" >&"$_dues_out") 2>/dev/null; }

# Keeps the error $1, and what matters about it.
_dues_failed() {
    local data i
    DUES_ERROR=$1 DUES_REASON=UNSPECIFIED status=UNKNOWN message='' retryable=false retry_after=''
    if _dues_member "$1" message && _dues_unescape "$REPLY"; then printf -v message %b "$REPLY"; fi
    if _dues_member "$1" data && _dues_split "$REPLY"; then
        for i in "${!_dues_names[@]}"; do
            data=${_dues_values[i]//\"/}
            case ${_dues_names[i]} in
            status) status=$data ;;
            reason) DUES_REASON=$data ;;
            retryable) retryable=$data ;;
            retryAfterMs) if [[ $data =~ ^[0-9]{1,9}$ ]]; then retry_after=$data; fi ;;
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

_dues_lost() {
    _dues_disconnect
    _dues_fault -32014 UNAVAILABLE CONNECTION_LOST true "$1"
}

# Says that a call cannot be made as it is written: $1.
_dues_usage() {
    printf 'dues: %s: %s\n' "$method" "$1" >&2
    if [[ -n $type ]]; then "$type" --help >&2; fi
    return 64
}

# Has a connection that the server's hello was heard on.
_dues_connect() {
    local token=${DUES_TOKEN-} peer hello limit
    if [[ -z $token && -n ${DUES_TOKEN_FILE-} ]] && ! IFS= read -r token <"$DUES_TOKEN_FILE" && [[ -z $token ]]; then
        _dues_fault -32016 UNAUTHENTICATED TOKEN_REQUIRED false 'The file of the token cannot be read.'
        return
    fi
    peer="${_dues_command[*]} ${DUES_UNIX-} ${DUES_TCP-} $token"
    # If there is something to be read between two calls, it is the end.
    if [[ $_dues_owner == "$BASHPID" && $_dues_peer == "$peer" && -z $_dues_is_busy ]] && ! read -r -t 0 -u "$_dues_in"; then
        return 0
    fi
    _dues_disconnect
    _dues_dial || _dues_fault -32014 UNAVAILABLE CONNECTION_LOST true 'No connection could be made.' || return
    _dues_owner=$BASHPID _dues_peer=$peer
    hello="{\"client\":\"dues-shell/$_dues_version\",\"protocol\":1"
    if [[ -n $token ]]; then _dues_quote "Bearer $token" && hello+=",\"authorization\":$REPLY"; fi
    _dues_now
    limit=$((REPLY + 10000 < until ? REPLY + 10000 : until))
    if ! _dues_exchange 0 "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"rpc.hello\",\"params\":$hello}}" "$limit"; then
        _dues_disconnect
        return 1
    fi
    DUES_RESULT=''
}

_dues_dial() {
    local address=${DUES_TCP:-127.0.0.1:7171} host command=("${_dues_command[@]}") in out
    if ((${#command[@]} == 0)) && [[ -n ${DUES_UNIX-} ]]; then
        command=(nc -U "$DUES_UNIX")
        # OpenBSD's nc goes on behind the end of its input unless it is told otherwise.
        if [[ $(nc -h 2>&1) == *-N*hutdown* ]]; then command=(nc -N -U "$DUES_UNIX"); fi
    fi
    if ((${#command[@]})); then
        coproc _DUES_CHILD { exec "${command[@]}"; } || return
        in=${_DUES_CHILD[0]} out=${_DUES_CHILD[1]} _dues_child=$_DUES_CHILD_PID
        # Copies, because bash closes its own when it hears that the process has ended.
        exec {_dues_in}<&"$in" {_dues_out}>&"$out" {in}<&- {out}>&-
    else
        host=${address%:*} host=${host#[} host=${host%]}
        { exec {_dues_in}<>"/dev/tcp/$host/${address##*:}"; } 2>/dev/null || return
        _dues_out=$_dues_in
    fi
}

# Ends the connection, if there is one. In a subshell that is only its copy of the descriptors.
_dues_disconnect() {
    if [[ -n $_dues_in ]]; then exec {_dues_in}<&-; fi
    if [[ -n $_dues_child ]]; then
        exec {_dues_out}>&-
        if [[ $_dues_owner == "$BASHPID" ]]; then _dues_reap "$_dues_child"; fi
    fi
    _dues_owner='' _dues_peer='' _dues_in='' _dues_out='' _dues_child='' _dues_is_busy=''
}

# Waits for the process $1, which is killed if it stays for 10 seconds.
_dues_reap() {
    local i
    for ((i = 0; i < 200; i++)); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.05
    done
    kill -KILL "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}

# Puts the time in milliseconds into REPLY.
_dues_now() {
    if [[ -n ${EPOCHREALTIME-} ]]; then # bash 5
        REPLY=${EPOCHREALTIME//[!0-9]/} REPLY=${REPLY%???}
    else
        REPLY=$(date +%s%3N)
    fi
}
