# How dues.sh reaches a server: a connection that is made when there is need of it.
# shellcheck shell=bash

_dues_longest_answer=$((64 << 20)) # bytes; whoever sends a longer line is no Dues server
_dues_command=()                   # what is spawned for each connection
# The server that was launched: the process that did it, the server's own, and the descriptor of its output.
_dues_launcher='' _dues_server='' _dues_output=''
# The connection: the process that made it and alone uses it, where it leads, its descriptors, the process behind them if there is
# one, whether a call has had no answer yet, and what sets the trap of SIGPIPE as it was.
_dues_owner='' _dues_peer='' _dues_in='' _dues_out='' _dues_child='' _dues_is_busy='' _dues_trap=''
_dues_last_id=0

# Has calls spawn the command $@, such as `dues stdio`, and speak to its standard streams.
dues_spawn() {
    dues_close
    _dues_command=("$@")
}

# Starts the command $@, such as `dues serve --tcp 127.0.0.1:0`, and has calls go to where it says that it listens.
dues_launch() {
    local - LC_ALL=C IFS=$' \t\n' line='' REPLY
    set +eumx +o posix
    dues_close
    _dues_start "$@"
    exec {_dues_out}>&-
    _dues_launcher=$BASHPID _dues_server=$_dues_child _dues_output=$_dues_in
    _dues_in='' _dues_out='' _dues_child=''
    IFS= read -r -t 10 -n 65536 -u "$_dues_output" line
    if _dues_member "$line" tcp && [[ $REPLY == \"* ]]; then
        DUES_TCP=${REPLY//\"/} DUES_UNIX=''
    elif _dues_member "$line" unix && [[ $REPLY == \"* ]] && _dues_unescape "$REPLY"; then
        printf -v DUES_UNIX %b "$REPLY"
    else
        dues_close
        echo 'dues: the server does not say where it listens' >&2
        return 14
    fi
}

# Ends the connection, and a server that was spawned or launched. In a subshell it leaves alone what is its parent's.
dues_close() {
    local -
    set +eux
    _dues_disconnect
    _dues_command=()
    if [[ $_dues_launcher == "$BASHPID" ]]; then
        # Without anything to read, not even the end, it goes on.
        read -r -t 0 -u "$_dues_output" || kill "$_dues_server" 2>/dev/null
        _dues_reap "$_dues_server" "$_dues_output"
        exec {_dues_output}<&-
    fi
    _dues_launcher='' _dues_server='' _dues_output=''
}

# Has a connection on which the server's hello was heard. `until` limits the wait for it.
_dues_connect() {
    local peer="${_dues_command[*]} ${DUES_UNIX-} ${DUES_TCP-} $token" hello limit
    # What there is to be read between two calls is the connection's end.
    if [[ $_dues_owner == "$BASHPID" && $_dues_peer == "$peer" && -z $_dues_is_busy ]] && ! read -r -t 0 -u "$_dues_in"; then
        return
    fi
    _dues_disconnect
    _dues_dial || _dues_lost 'No connection could be made.' || return
    _dues_owner=$BASHPID _dues_peer=$peer _dues_trap=$(trap -p PIPE)
    _dues_trap=${_dues_trap:-trap - PIPE} # asked for once, because that takes a process
    hello="{\"client\":\"dues-shell/$_dues_version\",\"protocol\":1"
    if [[ -n $token ]]; then _dues_quote "Bearer $token" && hello+=",\"authorization\":$REPLY"; fi
    _dues_now
    limit=$((REPLY + 10000))
    _dues_exchange 0 "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"rpc.hello\",\"params\":$hello}}" \
        $((limit < until ? limit : until)) && return
    _dues_disconnect
    if [[ $DUES_REASON == NO_ANSWER ]] && ((limit < until)); then _dues_lost 'No answer to rpc.hello.'; fi
    return 1
}

_dues_dial() {
    local address=${DUES_TCP:-127.0.0.1:7171} command=("${_dues_command[@]}") host
    if ((${#command[@]} == 0)) && [[ -n ${DUES_UNIX-} ]]; then
        command=(nc -U "$DUES_UNIX")
        # OpenBSD's nc goes on behind the end of its input unless it is told otherwise.
        if [[ $(nc -h 2>&1) == *-N*hutdown* ]]; then command=(nc -N -U "$DUES_UNIX"); fi
    fi
    if ((${#command[@]})); then
        _dues_start "${command[@]}"
    else
        host=${address%:*} host=${host#[} host=${host%]}
        { exec {_dues_in}<>"/dev/tcp/$host/${address##*:}"; } 2>/dev/null || return
        _dues_out=$_dues_in
    fi
}

# Starts the command $@, whose standard streams are then the connection.
_dues_start() {
    local in out
    # It begins when it is told to: one that ends at once would otherwise be gone before its streams are copied.
    coproc _DUES_CHILD { read -r && exec "$@"; }
    in=${_DUES_CHILD[0]} out=${_DUES_CHILD[1]} _dues_child=$_DUES_CHILD_PID
    # Copies, because bash closes its own when it hears that the process has ended.
    exec {_dues_in}<&"$in" {_dues_out}>&"$out" {in}<&- {out}>&-
    disown "$_dues_child" # else a `wait` of the caller's would wait for it, too
    echo >&"$_dues_out"
}

# Sends the line $2 of the call $1, and waits until $3 for its answer: a result for DUES_RESULT, or an error to fail with.
_dues_exchange() {
    local id=$1 line='' left code i
    local -A answer
    _dues_is_busy=1
    _dues_send "$2" || _dues_lost 'The connection is lost.' || return
    while :; do
        _dues_now
        left=$(($3 - REPLY)) code=142 # as read says that the time is over
        if ((left > 0)); then
            printf -v left '%d.%03d' $((left / 1000)) $((left % 1000))
            IFS= read -r -t "$left" -n "$_dues_longest_answer" -u "$_dues_in" line
            code=$?
        fi
        ((code <= 128)) || _dues_fault -32004 DEADLINE_EXCEEDED NO_ANSWER true 'No answer in time.' || return
        if ((code || ${#line} == _dues_longest_answer)); then
            _dues_disconnect
            _dues_lost 'The connection is lost.'
            return
        fi
        line=${line%$'\r'}
        case $line in
        '{"jsonrpc":"2.0","id":'"$id"',"result":{'*'}}') # the server's own spelling need not be taken apart
            DUES_RESULT=${line#*'"result":'} DUES_RESULT=${DUES_RESULT%\}} _dues_is_busy=''
            return
            ;;
        '') continue ;;
        esac
        if ! _dues_split "$line"; then
            _dues_disconnect
            _dues_lost 'The server sent a line that is not JSON.'
            return
        fi
        answer=()
        for i in "${!_dues_names[@]}"; do answer[.${_dues_names[i]}]=${_dues_values[i]}; done
        if [[ ${answer[.id]-} == "$id" && -n ${answer[.result]-} ]]; then
            DUES_RESULT=${answer[.result]} _dues_is_busy=''
            return
        elif [[ ${answer[.id]-null} == @("$id"|null) && -n ${answer[.error]-} ]]; then
            _dues_is_busy=''
            _dues_failed "${answer[.error]}"
            return
        fi
    done
}

# Sends the line $1. When the server has gone, SIGPIPE shall not be the end of the shell.
_dues_send() {
    local code
    trap : PIPE
    { printf '%s\n' "$1" >&"$_dues_out"; } 2>/dev/null
    code=$?
    eval "$_dues_trap"
    return "$code"
}

_dues_disconnect() {
    if [[ -n $_dues_child ]]; then
        exec {_dues_out}>&-
        if [[ $_dues_owner == "$BASHPID" ]]; then _dues_reap "$_dues_child" "$_dues_in"; fi
    fi
    if [[ -n $_dues_in ]]; then exec {_dues_in}<&-; fi
    _dues_owner='' _dues_peer='' _dues_in='' _dues_out='' _dues_child='' _dues_is_busy=''
}

# Waits until the process $1 ends, and with it what it writes to the descriptor $2. It is killed if it stays for 10 seconds.
_dues_reap() {
    local rest
    IFS= read -r -d '' -t 10 -n 65536 -u "$2" rest
    (($? <= 128)) || kill -KILL "$1" 2>/dev/null
}
