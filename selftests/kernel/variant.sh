#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: variant kernel=scx cpus=2
# limit: 200
#
# Variants of the scheduler: linked to our kernel programs they decide where a task goes and what it is taken for, as far as
# that can be; what is not made from our programs is refused.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

sed -e 's/^helping:.*/helping: { margin: 0% }/' -e 's/\(recognise.burst_us, value: \)2ms/\10us/' "$profiles/balanced.yaml" >"$tmp/p.yaml"

# turns CPU: how often it has begun to run something else
turns() { awk -v c="cpu$1" '$1 == c { print $10 }' /proc/schedstat; }
# spread: one wakes others, each for a moment; of 1000 turns that both CPUs take meanwhile, how many are the less busy one's?
spread() {
	storm -t 4 -w 4000 -d 4 >/dev/null &
	_load=$!
	sleep 1 # its tasks have to be known: eight wake-ups, and what they did at their start is forgotten
	_a=$(turns 0) _b=$(turns 1)
	sleep 2 # it is measured for so long
	_a=$(($(turns 0) - _a)) _b=$(($(turns 1) - _b))
	wait "$_load"
	echo "$((1000 * (_a < _b ? _a : _b) / (_a + _b)))"
}

hs_act "$tmp/p.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"
equals 'no variant: status has none' "$(status_leaf variant)" ''
without=$(spread)
echo "spread without a variant: $without permille"
hs_stop

hs_act "$tmp/p.yaml" --variant /lab/variant/energy.o || cannot 'homeostat arms with a variant' "$(tail -n 1 "$hs_log")"
equals 'energy: status names it' "$(status_leaf variant)" energy
says 'energy: the log names it' 'variant energy' grep variant "$hs_log"
with=$(spread)
echo "spread with energy: $with permille"
at_most 'energy: one of two CPUs is left asleep' "$with" "$((without / 2))"
hog -t 2 -d 1 -o "$tmp/hogs"
at_least 'energy: who runs long still has both' "$(awk -v c="$(field cpu_ns <"$tmp/hogs")" -v s="$(field span_ns <"$tmp/hogs")" 'BEGIN { if (s) print c / s }')" 0.8
check 'energy: it stayed armed' hs_armed
hs_stop

hs_act "$tmp/p.yaml" --variant /lab/variant/odd.o || cannot 'homeostat arms with an odd variant' "$(tail -n 1 "$hs_log")"
pipeline -p 1000 -w 50 -d 6 >/dev/null &
load=$!
batch() { homeostat --json workloads | jflat | grep -A 2 'comm pipeline' | grep -q 'class batch'; }
check 'odd: short runs are batch' within 4 batch
wait "$load"
check 'odd: no such CPU, no such class: it stayed armed' hs_armed
equals 'odd: nothing was stuck' "$(warnings)" ''
hs_stop

# what is refused: nothing is loaded, and why
refused() {
	_what=$1 _why=$2
	shift 2
	if timeout 20 homeostatd --profile "$tmp/p.yaml" "$@" >"$tmp/log" 2>&1; then not_ok "$_what" 'it started'; else ok "$_what"; fi
	says "$_what: and says why" "$_why" cat "$tmp/log"
}
cp /lab/variant/energy.o "$tmp/open.o"
chmod 0666 "$tmp/open.o"
refused 'a file that others may write' 'others may write it' --variant "$tmp/open.o"
refused 'no such file' 'No such file' --variant "$tmp/none.o"
refused 'not an absolute path' 'absolute' --variant none.o
cp /lab/policy/pi.bpf.o "$tmp/pi.o"
refused 'an object that is not made from our programs' 'not made from our kernel programs' --variant "$tmp/pi.o"
head -c 100000 /lab/variant/energy.o >"$tmp/torn.o"
refused 'half an object' 'torn.o' --variant "$tmp/torn.o"
finish
