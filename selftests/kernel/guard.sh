#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: guard kernel=scx cpus=1
#
# The real daemon under its guard: who dies, in which way, and what is left. The value that is changed is
# put into the undo table as the daemon would, by /lab/bin/undoenter, while the daemon lives.

# shellcheck disable=SC2317  # functions that are called through check
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

sleep 5
run=/run/homeostat
value=/proc/sys/vm/swappiness
stock=$(cat "$value")
ms() { awk -v a="$1" 'BEGIN { if (a != "") printf "%.3f", a / 1000000 }'; }
# child PID NAME: the one of that name
child() {
	for _s in /proc/[0-9]*/status; do
		awk -v p="$1" -v n="$2" '/^Name:/ { f = $2 == n } /^Pid:/ { i = $2 } /^PPid:/ { if (f && $2 == p) print i }' "$_s"
	done 2>/dev/null | head -n 1
}

# guard and daemon, armed: $guard, $hs_pid (the daemon), $restorer
# with all its trips forgotten, or the stall-loop breaker would hold the third one at stock
guarded() {
	rm -f "$run/breaker"
	homeostat-guard -- /usr/bin/homeostatd --profile "$profiles/balanced.yaml" --mode act >>"$hs_log" 2>&1 &
	guard=$!
	within 20 hs_armed || cannot 'the daemon arms under its guard' "$(tail -n 1 "$hs_log")"
	hs_pid=$(child "$guard" homeostatd)
	restorer=$(child "$guard" homeostat-guard)
}
change() { undoenter "$run" "$value" 7; }
put_back() { [ "$(cat "$value")" = "$stock" ]; }
all_gone() { gone "$guard" && gone "$hs_pid" && gone "$restorer" && scx_is disabled; }

# ended NAME CODE: all of it is gone, nothing is left
ended() {
	check "$1: nobody is left" within 20 all_gone
	_code=0
	wait "$guard" || _code=$?
	equals "$1: exit code" "$_code" "$2"
	check "$1: the value is put back" within 10 put_back
	says "$1: nothing is left to put back" 'nothing to put back' homeostat restore
	hs_pid=
}

# deed NAME REASON TSAFE-OPTION…: under four hogs, with a changed value
deed() {
	name=$1 reason=$2
	shift 2
	check "$name: a value is changed" change
	rm -f "$tmp/safe" "$tmp/hogs"
	hog -t 4 -d 2 -o "$tmp/hogs" &
	hogs=$!
	sleep 1
	tsafe -d 3 -o "$tmp/safe" "$@" >"$tmp/tsafe" 2>&1
	at_most "$name: gate shut, ms" "$(ms "$(field t_trip_ns <"$tmp/safe")")" "$bound"
	at_most "$name: first decision by stock rules, ms" "$(ms "$(field t_safe_ns <"$tmp/safe")")" "$bound"
	equals "$name: the gate is shut" "$(field armed <"$tmp/safe")" 0
	says "$name: the reason" "^($reason)\$" field trip_reason <"$tmp/safe"
	cat "$tmp/safe"
	wait "$hogs"
	at_least "$name: all hogs lived and worked on" "$(field least_work <"$tmp/hogs")" 1000
}

guarded
limit=$(status_leaf heartbeat.limit_ns)
bound=$((limit / 1000000 + 5))
equals 'the guard runs in real time, above the heartbeat' "$(sed 's/.*) //' "/proc/$guard/stat" | cut -d ' ' -f 38,39)" '3 1'
equals 'the guard has no capabilities' "$(sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$guard/status")" 0000000000000000
equals 'the guard is filtered' "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$guard/status")" 2
equals 'the restorer is not' "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$restorer/status")" 0
equals 'the guard is spared by the OOM killer' "$(cat "/proc/$guard/oom_score_adj")" -1000
equals 'the daemon is as it was' "$(cat "/proc/$hs_pid/oom_score_adj")" 0
at_least 'the guard has locked its memory, kB' "$(sed -n 's/^VmLck:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$guard/status")" 100
refuses 'restore is refused while the daemon lives' 4 homeostat restore

kill -HUP "$guard"
check 'SIGHUP reaches the daemon' within 10 grep -q 'profile balanced is in force' "$hs_log"

# at rest it wakes up twice a second
switches() { awk '/ctxt_switches/ { s += $2 } END { print s }' "/proc/$guard/status"; }
sleep 3
before=$(switches)
sleep 10
at_most 'wake-ups of the guard at rest, in 10 s' $(($(switches) - before)) 22

# the kernel ends the scheduler of who dies, the guard says died
deed SIGKILL '5|13' -s 9 -p "$hs_pid"
ended SIGKILL 137

guarded
deed SIGSTOP 2 -s 19 -p "$hs_pid"
ended SIGSTOP 137
says 'SIGSTOP: the guard says so' 'is deaf: killed' cat "$hs_log"

guarded
check 'guard killed: a value is changed' change
kill -KILL "$guard"
ended 'guard killed' 137
says 'guard killed: the daemon noticed' 'the guard is dead' cat "$hs_log"

guarded
check 'all killed: a value is changed' change
kill -KILL "$restorer" "$guard" "$hs_pid"
check 'all killed: nobody is left' within 20 all_gone
equals 'all killed: the value is still changed' "$(cat "$value")" 7
guarded
check 'all killed: the next start puts it back' put_back
says 'all killed: and says so' "undo: $value: put back" cat "$hs_log"
kill -TERM "$guard"
ended 'SIGTERM to the guard' 0

guarded
check 'restorer killed: a value is changed' change
kill -KILL "$restorer"
ended 'restorer killed' 1

guarded
check 'restore: a value is changed' change
kill -KILL "$restorer" "$guard" "$hs_pid"
check 'restore: nobody is left' within 20 all_gone
says 'restore: puts it back' "$value: put back \($stock\)" homeostat restore
equals 'restore: the value' "$(cat "$value")" "$stock"
hs_pid=

# the operator's hook: set in the table, as the daemon does; run by a death that nobody else can tell of
cat >/tmp/hook <<'HOOK'
#!/bin/sh
echo "$HOMEOSTAT_REASON $(cat /proc/self/oom_score_adj)" >/tmp/hooked
sleep 1000
HOOK
chmod 755 /tmp/hook
guarded
undoenter -k /tmp/hook 1000 $run
kill -KILL "$hs_pid"
ended 'hook' 137
equals 'hook: was told why, and is an ordinary process' "$(cat /tmp/hooked)" 'died 0'
says 'hook: killed at its limit' 'killed: its time is over \(limit 1000 ms\)' cat "$hs_log"

# without systemd
rm -f "$run/breaker"
homeostatd --supervise --profile "$profiles/balanced.yaml" --mode act >>"$hs_log" 2>&1 &
super=$!
within 20 hs_armed
guard=$(child "$super" homeostat-guard)
hs_pid=$(child "$guard" homeostatd)
check 'supervise: a value is changed' change
kill -KILL "$hs_pid"
check 'supervise: the value is put back' within 10 put_back
again() { _g=$(child "$super" homeostat-guard) && [ "$_g" != "$guard" ] && hs_armed; }
check 'supervise: it is there again' within 20 again
kill -TERM "$super"
_code=0
wait "$super" || _code=$?
equals 'supervise: ends when told to' "$_code" 0
check 'supervise: nobody is left' within 10 scx_is disabled
hs_pid=
finish
