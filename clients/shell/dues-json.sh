# JSON in bash alone: what dues.sh reads and writes, and dues_get. The functions whose names begin with an underscore count bytes:
# who calls them has LC_ALL=C.
# shellcheck shell=bash

# Prints the value to which the JSON pointer $1 (RFC 6901), such as /customer/id, leads in the JSON text on standard input: a
# string as what it says, anything else as it is written. Fails with status 1 if there is none, with 2 if the text is not JSON.
dues_get() {
    local - LC_ALL=C IFS=$' \t\n' pointer=${1-} text name REPLY input
    set +eux
    if [[ $# != 1 || $pointer != ?(/*) ]]; then
        echo 'usage: dues_get /POINTER <JSON' >&2
        return 64
    fi
    mapfile -d '' -t input
    text=${input-}
    if [[ -z $pointer || $text != *([$' \t\r\n'])[\[\{]* ]]; then
        # What is no container, or wanted whole, is checked as an item of one.
        _dues_split "[$text]" && ((${#_dues_values[@]} == 1)) || _dues_not_json || return
        text=${_dues_values[0]}
    fi
    while [[ -n $pointer ]]; do
        pointer=${pointer#/} name=${pointer%%/*} pointer=${pointer#"$name"}
        name=${name//\~1/\/}
        if ! _dues_split "$text"; then
            # Parts are as right as the whole was.
            [[ $text == [\"[:alnum:]-]* ]] || _dues_not_json || return
            return 1
        fi
        _dues_find "${name//\~0/\~}" || return
        text=$REPLY
    done
    if [[ $text == \"* ]]; then
        _dues_unescape "$text" || _dues_not_json || return
        printf '%b\n' "$REPLY"
    else
        printf '%s\n' "$text"
    fi
}

# Splits the JSON object or array $1: its members go to the arrays _dues_names and _dues_values, each value as it is
# written. Fails if it is neither, or not JSON.
_dues_split() {
    # The state is what may come next: a (V)alue, an (I)tem or the end of an array, a (K)ey or the end of an object, a (k)ey,
    # a (c)olon, or what is behind a value, its (e)nd.
    local - IFS='"' text=$1 state=V stack='' offset=0 name='' start pieces piece rest string slashes i
    local literal='^(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?|true|false|null)'
    set -f
    [[ $text != *[$'\x01'-$'\x08\x0b\x0c\x0e'-$'\x1f']* ]] || return 1
    # One expansion finds all the quotation marks: only what stands between strings is looked at character by character.
    # shellcheck disable=SC2206
    pieces=($text)
    _dues_names=() _dues_values=()
    for ((i = 0; i < ${#pieces[@]}; i++)); do
        piece=${pieces[i]} rest=$piece
        while [[ -n $rest ]]; do
            case $state$rest in
            ?[$' \t\r\n']*) rest=${rest:1} ;;
            [VI][\[\{]*)
                if ((${#stack} == 1)); then start=$((offset + ${#piece} - ${#rest})); fi
                stack+=${rest:0:1} rest=${rest:1}
                if [[ $stack == *'{' ]]; then state=K; else state=I; fi
                ;;
            [Ke]'}'* | [Ie]']'*)
                [[ $stack${rest:0:1} == *@('{}'|'[]') ]] || return 1
                stack=${stack%?} state=e rest=${rest:1}
                if ((${#stack} == 1)); then
                    _dues_keep "${text:start:offset + ${#piece} - ${#rest} - start}" || return 1
                fi
                ;;
            e,*)
                [[ -n $stack ]] || return 1
                if [[ $stack == *'{' ]]; then state=k; else state=V; fi
                rest=${rest:1}
                ;;
            c:*) state=V rest=${rest:1} ;;
            [VI]*)
                [[ -n $stack && $rest =~ $literal ]] || return 1
                state=e rest=${rest:${#BASH_REMATCH}}
                if ((${#stack} == 1)); then _dues_keep "${BASH_REMATCH[0]}" || return 1; fi
                ;;
            *) return 1 ;;
            esac
        done
        ((++i < ${#pieces[@]})) || break
        string=${pieces[i]}
        while [[ $string == *\\ ]]; do # behind an odd number of them, the quotation mark is a part of the string
            slashes=${string##*[!\\]}
            ((${#slashes} % 2)) || break
            ((++i < ${#pieces[@]})) || return 1
            string+=\"${pieces[i]}
        done
        [[ $string != *[$'\t\n\r']* ]] || return 1
        offset=$((offset + ${#piece} + ${#string} + 2))
        case $state in
        [Kk])
            state=c
            if ((${#stack} == 1)); then name=$string; fi
            ;;
        [VI])
            state=e
            if ((${#stack} == 1)); then _dues_keep "\"$string\"" || return 1; fi
            ;;
        *) return 1 ;;
        esac
    done
    # A string at the end leaves no piece behind it, but it leaves the stack as it is.
    [[ $state == e && -z $stack ]] && ((offset + ${#piece} == ${#text}))
}

# Keeps the value $1, which _dues_split has come to.
_dues_keep() {
    if [[ $stack == '[' ]]; then
        name=${#_dues_values[@]}
    elif [[ $name == *\\* ]]; then
        _dues_unescape "\"$name\"" || return 1
        printf -v name %b "$REPLY"
    fi
    _dues_names+=("$name")
    _dues_values+=("$1")
}

_dues_not_json() {
    echo 'dues_get: the text is not JSON' >&2
    return 2
}

# Puts the member $2 of the JSON object or array $1 into REPLY, as it is written; fails if there is none.
_dues_member() { _dues_split "$1" && _dues_find "$2"; }

# The same for what was split last.
_dues_find() {
    local i
    for i in "${!_dues_names[@]}"; do
        if [[ ${_dues_names[i]} == "$1" ]]; then
            REPLY=${_dues_values[i]}
            return 0
        fi
    done
    return 1
}

# Puts what the JSON string $1 says into REPLY, in such a form that `printf %b` prints it.
_dues_unescape() {
    local rest=${1#\"} code bytes
    rest=${rest%\"} REPLY=''
    while [[ $rest == *\\* ]]; do
        REPLY+=${rest%%\\*} rest=${rest#*\\}
        case $rest in
        [bfnrt\\]*) REPLY+=\\${rest:0:1} rest=${rest:1} ;;
        [/\"]*) REPLY+=${rest:0:1} rest=${rest:1} ;;
        u[[:xdigit:]][[:xdigit:]][[:xdigit:]][[:xdigit:]]*)
            code=$((16#${rest:1:4})) rest=${rest:5}
            if ((code >= 0xd800 && code < 0xdc00)); then # the first half of a pair
                [[ $rest == \\u[dD][c-fC-F][[:xdigit:]][[:xdigit:]]* ]] || return 1
                code=$((0x10000 + (code - 0xd800) * 0x400 + 16#${rest:2:4} - 0xdc00)) rest=${rest:6}
            elif ((code >= 0xdc00 && code < 0xe000)); then
                return 1
            fi
            if ((code < 0x80)); then
                printf -v bytes '\\x%02x' "$code"
            elif ((code < 0x800)); then
                printf -v bytes '\\x%02x' $((code >> 6 | 0xc0)) $((code & 0x3f | 0x80))
            elif ((code < 0x10000)); then
                printf -v bytes '\\x%02x' $((code >> 12 | 0xe0)) $((code >> 6 & 0x3f | 0x80)) $((code & 0x3f | 0x80))
            else
                printf -v bytes '\\x%02x' $((code >> 18 | 0xf0)) $((code >> 12 & 0x3f | 0x80)) \
                    $((code >> 6 & 0x3f | 0x80)) $((code & 0x3f | 0x80))
            fi
            REPLY+=$bytes
            ;;
        *) return 1 ;;
        esac
    done
    REPLY+=$rest
}

# Puts the JSON string that says $1 into REPLY.
_dues_quote() {
    local code char i
    REPLY=$1
    if [[ $REPLY == *[\\\"[:cntrl:]]* ]]; then
        REPLY=${REPLY//"\\"/"\\\\"} REPLY=${REPLY//'"'/'\"'}
        for ((i = 1; i < 32; i++)); do
            printf -v code '\\u%04x' "$i"
            printf -v char %b "\\x${code:4}"
            REPLY=${REPLY//"$char"/"$code"}
        done
    fi
    REPLY=\"$REPLY\"
}

# Puts the JSON object of the type $1 that the words NAME=VALUE behind it make into REPLY; or fails with what is wrong there.
_dues_object() {
    local word name value rest path shape segment members json i j
    local -a paths=('$') # of the objects and arrays, each before those that it holds
    local -A shapes=(['$']=$1) bodies=() items=() counts=()
    for word in "${@:2}"; do
        name=${word%%=*} value=${word#*=} rest=$name. path='$'
        [[ $word == *=* && -n $name ]] || { REPLY="not NAME=VALUE: $name" && return 1; }
        while
            shape=${shapes[$path]} segment=${rest%%.*}
            case $shape in
            map) segment=${rest%.} shape=string ;;
            array:*)
                [[ $segment =~ ^(0|[1-9][0-9]{0,3})$ ]] || { REPLY="$name: items are counted from 0" && return 1; }
                shape=${shape#array:}
                ;;
            *)
                members=" ${_dues_shapes[$shape]} "
                [[ -n $segment && $members == *" $segment="* ]] || { REPLY="$name: unknown" && return 1; }
                shape=${members#*" $segment="} shape=${shape%% *}
                ;;
            esac
            rest=${rest#"$segment".}
            [[ -n $rest ]]
        do # it goes on, and must be a container
            case $shape in string | integer | boolean) REPLY="$name: unknown" && return 1 ;; esac
            path+=.$segment
            if [[ -z ${shapes[$path]-} ]]; then
                shapes[$path]=$shape
                paths+=("$path")
            fi
        done
        [[ -z ${shapes[$path.$segment]-} ]] || { REPLY="$name: given twice" && return 1; }
        shapes[$path.$segment]=$shape
        case $shape in
        string) _dues_quote "$value" && value=$REPLY ;;
        integer) [[ $value =~ ^-?(0|[1-9][0-9]*)$ ]] || { REPLY="$name: not an integer" && return 1; } ;;
        boolean) [[ $value == @(true|false) ]] || { REPLY="$name: neither true nor false" && return 1; } ;;
        json) ;;
        *) REPLY="$name: has members of its own" && return 1 ;;
        esac
        json=$value
        _dues_attach
    done
    for ((i = ${#paths[@]} - 1; i >= 0; i--)); do
        path=${paths[i]}
        if [[ ${shapes[$path]} == array:* ]]; then
            json=''
            for ((j = 0; j < ${counts[$path]}; j++)); do
                [[ -n ${items[$path.$j]-} ]] || { REPLY="${path#??}.$j: missing" && return 1; }
                json+=,${items[$path.$j]}
            done
            json="[${json#,}]"
        else
            json=${bodies[$path]-}
            json="{${json#,}}"
        fi
        segment=${path##*.} path=${path%.*}
        if ((i > 0)); then _dues_attach; fi
    done
    REPLY=$json
}

# Puts the `json` of a `segment` into what is at its `path`, for _dues_object.
_dues_attach() {
    if [[ ${shapes[$path]} == array:* ]]; then
        items[$path.$segment]=$json
        counts[$path]=$((${counts[$path]-0} + 1))
    else
        REPLY=\"$segment\"
        if [[ ${shapes[$path]} == map ]]; then _dues_quote "$segment"; fi
        bodies[$path]+=,$REPLY:$json
    fi
}
