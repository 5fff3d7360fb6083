#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: guard kernel=scx cpus=1
# limit: 240
#
# Who dies under the guard, in which way, and what is left.

# shellcheck disable=SC2317,SC2154  # functions that are called through check; variables of guarded.sh
# shellcheck source=selftests/kernel/guarded.sh
. /lab/kernel/guarded.sh

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

# the operator's hook: set in the table, as the daemon does; run by a death that nobody else can tell of
cat >/tmp/hook <<'HOOK'
#!/bin/sh
echo "$HOMEOSTAT_REASON $(cat /proc/self/oom_score_adj)" >/tmp/hooked
sleep 1000
HOOK
chmod 755 /tmp/hook
undoenter -k /tmp/hook 1000 $run

# the kernel ends the scheduler of who dies, the guard says died
deed SIGKILL '5|13' -s 9 -p "$hs_pid"
ended SIGKILL 137
equals 'hook: was told why, and is an ordinary process' "$(cat /tmp/hooked)" 'died 0'
says 'hook: killed at its limit' 'killed: its time is over \(limit 1000 ms\)' cat "$hs_log"

guarded
deed SIGSTOP 2 -s 19 -p "$hs_pid"
ended SIGSTOP 137
says 'SIGSTOP: the guard says so' 'is deaf: killed' cat "$hs_log"
# it did not live to tell of its trip: the next one does, and is still tripped
homeostat-guard -- /usr/bin/homeostatd --profile "$profiles/balanced.yaml" --mode act >>"$hs_log" 2>&1 &
guard=$!
answers() { homeostat status >/dev/null 2>&1; }
check 'after SIGSTOP: it starts again' within 20 answers
equals 'after SIGSTOP: not armed' "$(status_leaf armed)" false
says 'after SIGSTOP: the reason is known' 'counts as a trip, reason heartbeat' cat "$hs_log"
recorded() { homeostat incident >"$tmp/incident" 2>/dev/null && grep -q heartbeat "$tmp/incident"; }
check 'after SIGSTOP: it is recorded' within 10 recorded
says 'after SIGSTOP: so is what the restorer has put back' 'swappiness' cat "$tmp/incident"
kill "$guard"
wait "$guard"

guarded
check 'guard killed: a value is changed' change
rm -f /tmp/hooked
undoenter -k /tmp/hook 1000 $run
kill -KILL "$guard"
ended 'guard killed' 137
hooked() { [ "$(cat /tmp/hooked 2>/dev/null)" = 'guard 0' ]; }
check 'guard killed: the hook is run all the same' within 10 hooked
says 'guard killed: the daemon noticed' 'the guard is dead' cat "$hs_log"

guarded
check 'restorer killed: a value is changed' change
kill -KILL "$restorer"
ended 'restorer killed' 1
finish
