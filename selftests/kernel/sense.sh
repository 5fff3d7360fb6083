#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: daemon kernel=scx cpus=1
# limit: 240
#
# homeostat-sense, the process that reads slow vital signs: with what rights; what becomes of them, and of the daemon, where it hangs or
# dies; and that it is gone when the daemon is.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

hs_log=$tmp/sense.log
# is KEY: in /proc/PID/status of homeostat-sense
is() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$sense/status"; }
logged() { grep -q "$1" "$hs_log"; }
present() { vital "$1" >/dev/null; }
absent() { ! vital "$1" >/dev/null; }
# young NAME: measured within two seconds
young() { [ "$(vital "$1" age_ns)" -lt 2000000000 ]; }
stale_events() { homeostat --json events -n 256 | jflat | grep -c '\.type stale$'; }

hs_act balanced || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
sense=$(child "$hs_pid" homeostat-sense)
at_least 'there is a homeostat-sense' "${sense:-none}" 1
for set in CapEff CapPrm CapInh CapAmb; do
	equals "$set" "$(is $set)" 0000000000000000
done
equals 'NoNewPrivs' "$(is NoNewPrivs)" 1
equals 'Seccomp' "$(is Seccomp)" 2
equals 'one thread' "$(is Threads)" 1
equals 'its socket, and what a process begins with' "$(find "/proc/$sense/fd" -mindepth 1 | wc -l)" 4
equals 'nothing of the runtime directory is mapped' "$(grep -c /run/homeostat "/proc/$sense/maps")" 0
equals 'no memory is locked' "$(is VmLck)" '0 kB'
equals 'nice' "$(awk '{ print $19 }' "/proc/$sense/stat")" 0
equals 'it has no part in the precedence of homeostatd' "$(workload_of homeostat-sense)" ''
for v in cpu.busy_permille mem.available_permille mem.swap_hz net.listen_queue_permille; do
	check "vital sign $v is there" within 20 present $v
done
check 'as old as their period' young cpu.busy_permille

# what it takes at rest
before=$(cpu_ms "$sense")
sleep 60 # what is measured is a share of it (virtual time)
cost=$(($(cpu_ms "$sense") - before))
at_most 'at rest: CPU time in 60 s, ms' "$cost" 60
at_most 'memory of its own, kB' "$(sed -n 's/^Private_Dirty:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$sense/smaps_rollup")" 1024
say "# homeostat-sense: $cost ms in 60 s; $(is VmRSS) resident, $(is RssAnon) of them its own"

# it hangs: said once, its vital signs become absent, each with an event, and the daemon goes on
stale=$(stale_events)
kill -STOP "$sense"
check 'stopped: said' within 20 logged 'homeostat-sense hangs in sensor'
check 'stopped: vital signs become absent' within 20 absent mem.available_permille
check 'stopped: those that are read less often, too' within 60 absent net.listen_queue_permille
at_least 'stopped: events' $(($(stale_events) - stale)) 5
equals 'stopped: one line in the log' "$(grep -c 'homeostat-sense\|^warn: sensor' "$hs_log")" 1
check 'stopped: still armed' hs_armed
check 'stopped: other vital signs are there' young psi.cpu.some_permille
equals 'stopped: status' "$(status_leaf sensing.state)" hangs
says 'stopped: doctor' '^warn +sensors: homeostat-sense hangs in sensor .*restart homeostatd' homeostat doctor
kill -CONT "$sense"
check 'it goes on' within 20 logged 'homeostat-sense goes on'
check 'vital signs are back' within 20 present mem.available_permille
equals 'status' "$(status_leaf sensing.state)" reads

# it dies: said once, for as long as homeostatd runs
kill -KILL "$sense"
check 'killed: said' within 20 logged 'error: homeostat-sense is dead'
check 'killed: vital signs become absent' within 20 absent mem.available_permille
check 'killed: still armed' hs_armed
equals 'killed: no zombie' "$(child "$hs_pid" homeostat-sense)" ''
says 'killed: status' '^sensing +homeostat-sense is dead' homeostat status
says 'killed: doctor' '^warn +sensors: homeostat-sense is dead.*restart homeostatd' homeostat doctor
check 'SIGTERM ends the daemon with 0' hs_stop

# with the daemon it is gone, however that ends; stopped, neither it nor the scribe hold the undo table
hs_act balanced || cannot 'homeostatd starts again' "$(tail -n 1 "$hs_log")"
check 'started again: vital signs are there' within 20 present mem.available_permille
sense=$(child "$hs_pid" homeostat-sense)
hs_stop
check 'stopped in good order: it is gone' within 5 gone "$sense"
hs_act balanced || cannot 'homeostatd starts a third time' "$(tail -n 1 "$hs_log")"
sense=$(child "$hs_pid" homeostat-sense) scribe=$(child "$hs_pid" homeostat-scrib)
kill -STOP "$sense" "$scribe"
hs_kill
check 'killed: homeostat-sense is gone, stopped as it was' within 5 gone "$sense"
check 'killed: the scribe waits' [ -e "/proc/$scribe" ]
check 'killed: the next one starts all the same' hs_act balanced
kill -CONT "$scribe"
check 'killed: the scribe is gone, too' within 10 gone "$scribe"
finish
