#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: certified kernel=scx cpus=1
# limit: 240
#
# Decisions under load, recorded and computed again; and what a log says of itself when something is missing.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

log=$tmp/decisions.log
rm -f "$tmp"/*.log.*

refuses 'record: nobody is there' 1 homeostat record --out "$log"
says 'record: says so' 'no homeostatd runs here' homeostat record --out "$log"
check 'record: no log is left' test ! -e "$log"

# knobs that are moved for certain: every wait is too long for these rules
sed '/^rules:/,$d' "$profiles/balanced.yaml" >"$tmp/moved.yaml"
cat >>"$tmp/moved.yaml" <<-'EOF'
	rules:
	  - { when: sched.wait.normal.p99_ns, low: 20us, high: 100us, knob: sched.slice.batch_us, kind: aimd, up: 900permille, down: 500us, hold: 0ms, cooldown: 20ms }
EOF
hs_act "$tmp/moved.yaml" || cannot 'homeostatd starts' "$(tail -n 3 "$hs_log")"

homeostat record --out "$log" >"$tmp/recorder" 2>&1 &
recorder=$!
size() { wc -c <"$log"; }
grown() { [ "$(size)" -gt "$1" ]; }
check 'record: the log grows' within 10 grown 10000
refuses 'record: one at a time' 1 homeostat record --out "$tmp/other.log"
says 'record: says who' "by process $recorder" homeostat record --out "$tmp/other.log"
check 'record: a refused one leaves nothing' test ! -e "$tmp/other.log"
refuses 'record: overwrites nothing' 1 homeostat record --out "$log"

hog & hog1=$!
hog & hog2=$!
moved() { [ "$(knob sched.slice.batch_us cause)" = reflex ]; }
check 'load: a rule moves its knob' within 20 moved
check 'load: much is decided' within 30 grown 60000
kill "$hog1" "$hog2"
check 'a wish' homeostat wish sched.slice.normal_us 3ms
wished() { [ "$(knob sched.slice.normal_us)" = 3000 ]; }
check 'a wish: done' within 10 wished
check 'disarm' homeostat disarm
stock() { [ "$(knob sched.slice.normal_us)" = 5000 ]; }
check 'disarm: stock' within 10 stock
kill -INT "$recorder"
_rc=0
wait "$recorder" || _rc=$?
equals 'record: ends as asked' $_rc 0
says 'record: tells how many' "^$log: [0-9]+ records, $(size) bytes$" cat "$tmp/recorder"

check 'replay' homeostat replay "$log"
says 'replay: identical' '^identical: [0-9]{3,} decisions, [0-9]{2,} steps of knobs' homeostat replay "$log"
says 'replay: the same as JSON' '"identical":true.*"torn":0,"lost":0,"cut":false,"ended":true' homeostat --json replay "$log"
check 'replay: what runs is not touched' hs_answers

# the last call is the reset, its last item a knob: one byte of its value
cp "$log" "$log.planted"
printf '\377' | dd of="$log.planted" bs=1 seek=$(($(size) - 24 - 24)) conv=notrunc 2>/dev/null
refuses 'planted: found' 5 homeostat replay "$log.planted"
says 'planted: record, time, knob' '^record [0-9]+ \(reset\) at [0-9]+ ns differs, after [0-9]+ that do not: [a-z_.]+: recorded .*; recomputed ' homeostat replay "$log.planted"
head -c $(($(size) - 30)) "$log" >"$log.cut"
refuses 'cut: told' 5 homeostat replay "$log.cut"
says 'cut: what is before counts' '^identical: [0-9]{3,} decisions' homeostat replay "$log.cut"
says 'cut: says so' '^the last record is cut off$' homeostat replay "$log.cut"
head -c $(($(size) - 24)) "$log" >"$log.open"
refuses 'no end: told' 5 homeostat replay "$log.open"
says 'no end: says so' '^the log has no end' homeostat replay "$log.open"
refuses 'no log' 1 homeostat replay "$profiles/balanced.yaml"
says 'no log: says so' 'balanced.yaml: no log of decisions' homeostat replay "$profiles/balanced.yaml"
chmod 644 "$log"
refuses 'no root: record' 4 setpriv --reuid=65534 --clear-groups homeostat record --out /tmp/nobody.log
refuses 'no root: replay' 4 setpriv --reuid=65534 --clear-groups homeostat replay "$log"

# a policy that nobody ran: what it would have wished, beside what a rule did
check 'arm for a policy' homeostat arm
check 'arm for a policy: armed' within 20 hs_armed
hog & hog1=$!
check 'record all' homeostat record --out "$tmp/all.log" --for 5s --all
kill "$hog1"
check 'record all: replays' homeostat replay "$tmp/all.log"
pi=/lab/policy/pi.bpf.o
check 'policy replay' homeostat policy replay "$pi" "$tmp/all.log"
says 'policy replay: how often it was asked' '^policy pi: asked [0-9]{2,} times, [0-9]+ with an opinion; [0-9]+ changes$' homeostat policy replay "$pi" "$tmp/all.log"
check 'policy replay: no vital sign is missing' sh -c "! homeostat policy replay $pi $tmp/all.log | grep 'not in the log'"
says 'policy replay: what was not recorded is told' '^sched.wait.critical.p99_ns is not in the log: absent' homeostat policy replay "$pi" "$log"
says 'policy replay: as JSON' '"policy":"pi","calls":[0-9]+,"opinions":[0-9]+,"end":"none","absent":' homeostat --json policy replay "$pi" "$tmp/all.log"
refuses 'policy replay: rubbish' 5 homeostat policy replay /lab/ktest/test_pulse "$tmp/all.log"
# who acts changes to the slot in which the other one is asked
replaced() { [ "$(homeostat --json policy show | leaf 'endings[pi].end')" = replaced ]; }
check 'changes: one acts' homeostat policy load --full "$pi"
rm -f "$log"
homeostat record --out "$log" --all >/dev/null 2>&1 &
recorder=$!
check 'changes: recorded' within 10 grown 10000
check 'changes: another one follows' homeostat policy load --full "$pi"
check 'changes: it acts' within 10 replaced
check 'changes: recorded, too' within 10 grown $(($(size) + 10000))
kill -INT "$recorder"
wait "$recorder" 2>/dev/null
refuses 'changes: policy replay' 1 homeostat policy replay "$pi" "$log"
says 'changes: policy replay: says why' 'record [0-9]+: who acts changes to slot [01], in which pi was asked' homeostat policy replay "$pi" "$log"
homeostat policy unload pi >/dev/null
check 'after all that: what runs goes on' hs_armed
homeostat disarm >/dev/null

# a recorder that is killed: the next one begins anew
check 'arm' homeostat arm
check 'armed' within 20 hs_armed
rm -f "$log"
homeostat record --out "$log" >/dev/null 2>&1 &
recorder=$!
check 'killed: had begun' within 10 grown 10000
kill -KILL "$recorder"
wait "$recorder" 2>/dev/null
again() { homeostat record --out "$tmp/again.log" --for 2s; }
check 'killed: its place is free in a while' within 10 again
check 'killed: the next log is whole' homeostat replay "$tmp/again.log"
hs_stop
finish
