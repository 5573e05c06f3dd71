#!/usr/bin/env bash
# What a call costs: on a bare socket, by the client, and a GET by curl with its JSON read; medians, as a line of JSON.
#
#     ./bench.sh --tcp 127.0.0.1:7171 --http http://127.0.0.1:7172/healthz
set -euo pipefail
# shellcheck source=dues.sh
source "$(dirname "${BASH_SOURCE[0]}")/dues.sh"

[[ -n ${EPOCHREALTIME-} ]] || { echo 'bash 5 is needed to take the time' >&2 && exit 1; }
url=''
while (($#)); do
    case $1 in
    --tcp) DUES_TCP=$2 ;;
    --http) url=$2 ;;
    *) echo "usage: $0 --tcp HOST:PORT --http URL" >&2 && exit 64 ;;
    esac
    shift 2
done

exec {socket}<>"/dev/tcp/${DUES_TCP%:*}/${DUES_TCP##*:}"
line='{"jsonrpc":"2.0","id":1,"method":"CheckAccess","params":{"customerId":"cus_bench","productId":"prod_bench"}}'

bare() {
    printf '%s\n' "$line" >&"$socket"
    IFS= read -r -u "$socket" answer
}
client() { dues_check_access customerId=cus_bench productId=prod_bench >/dev/null; }
http() { answer=$(curl -fsS "$url" | dues_get ''); }

# Prints the microseconds that each of $2 calls of $1 takes.
measure() {
    local begun i
    for ((i = 0; i < $2; i++)); do
        begun=${EPOCHREALTIME//[!0-9]/}
        "$1"
        echo $((${EPOCHREALTIME//[!0-9]/} - begun))
    done
}

# Prints the median of the numbers on standard input.
median() { sort -n | awk '{ all[NR] = $1 } END { printf "%.1f", (all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2 }'; }

taken=$(mktemp -d)
trap 'rm -rf "$taken"; dues_close' EXIT
for way in bare client http; do measure "$way" 500 >/dev/null; done
for ((round = 0; round < 10; round++)); do
    for way in bare client http; do measure "$way" 200 >>"$taken/$way"; done
done
printf '{"bareMicroseconds":%s,"clientMicroseconds":%s,"httpMicroseconds":%s}\n' \
    "$(median <"$taken/bare")" "$(median <"$taken/client")" "$(median <"$taken/http")"
