#!/bin/sh
# Looks for keys and client secrets in all that the suite's programs said: run.sh FOLDER, where `make test` has it written down,
# the servers' logs to `servers`, and to `tests` what the tests printed and the programs that they started.
#
# What is looked for comes as one line a kind: an extended regular expression, and an example that it must find. The search
# itself is proved first, on a canary of all examples, and that there is something to search.
set -eu
folder=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# A key, a webhook's secret, a browser's secret, the way into the portal, a quote, a caller's token. What stands in for a
# secret (sk_test_…, sk_test_****1234) is none.
cat >"$scratch/kinds" <<'KINDS'
(sk|rk)_(test|live)_[0-9A-Za-z]	key=rk_live_canary
whsec_[0-9A-Za-z]	secret=whsec_canary
_secret_[0-9A-Za-z]	"client_secret":"pi_1_secret_canary"
/p/session/[0-9A-Za-z]	url=https://billing.stripe.com/p/session/canary
dq1\.[0-9A-Za-z_-]{8}	quote=dq1.canarycanary.canary
[Bb]earer +[0-9A-Za-z]	authorization: Bearer canary
KINDS
cut -f1 "$scratch/kinds" >"$scratch/patterns"
cut -f2 "$scratch/kinds" >"$scratch/canary"

# The arguments of a test are its own, and no program's words.
searched() { grep -avE '^[^ -~]* *Test case (passing|started)' "$1" | grep -anE -f "$scratch/patterns"; }

while IFS= read -r example; do
  printf 'a line\n%s\nanother\n' "$example" >"$scratch/one"
  searched "$scratch/one" >"$scratch/found" || true
  if [ "$(wc -l <"$scratch/found")" -ne 1 ]; then echo "the search does not find: $example" >&2; exit 1; fi
done <"$scratch/canary"

for file in servers tests; do
  if [ ! -s "$folder/$file" ]; then echo "nothing was said in $folder/$file: there is nothing to search" >&2; exit 1; fi
done
if ! grep -aq 'method=CreateSubscription status=OK' "$folder/servers"; then
  echo "the servers did not say what they did: $folder/servers is not their log" >&2; exit 1
fi

status=0
for file in servers tests; do
  if searched "$folder/$file" >"$scratch/found"; then
    echo "$folder/$file shows what nobody may see:" >&2
    head -20 "$scratch/found" >&2
    status=1
  fi
done
[ "$status" -ne 0 ] || echo "No key and no secret in $(cat "$folder/servers" "$folder/tests" | wc -l) lines of logs and output."
exit "$status"
