#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: noscx kernel=noscx cpus=1
# boot: daemon kernel=scx cpus=1
#
# Looking only: the same on a kernel without sched_ext as on one with it.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

if [ -e "$scx" ]; then
	check 'doctor: nothing is off' homeostat doctor
else
	refuses 'doctor: something is off' 5 homeostat doctor
	cp "$tmp/said" "$tmp/doctor"
	says 'doctor: sched_ext is what is off' '^off +sched_ext: .*CONFIG_SCHED_CLASS_EXT' cat "$tmp/doctor"
	equals 'doctor: nothing else is off' "$(grep -c '^off' "$tmp/doctor")" 1
	says 'doctor: the sensor loads' '^ok +sensor' cat "$tmp/doctor"
	says 'doctor: the pulse loads' '^ok +pulse' cat "$tmp/doctor"
fi
if [ -e /lab/broken.btf ]; then
	says 'doctor: names the kfuncs that a broken BTF lacks' 'broken BTF: .*scx_bpf_' \
		homeostat doctor --btf /lab/broken.btf
else
	skip 'doctor: names the kfuncs that a broken BTF lacks' 'no such kernel in the archive any more'
fi
refuses 'without a daemon: exit code 3' 3 homeostat status

hs_start balanced || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
ok 'homeostatd starts'
equals 'the default is to observe' "$(status_leaf mode)" observe
equals 'no scheduler of ours' "$(status_leaf scheduler)" none
[ ! -e "$scx" ] || equals 'sched_ext is left alone' "$(scx_state)" disabled
refuses 'a second daemon does not start' 1 /bin/timeout 10 homeostatd --profile "$profiles/balanced.yaml"
equals 'the first one goes on' "$(status_leaf mode)" observe

# at rest the heart beats slowly; looking is no rest, so it is looked at rarely
slow=
for _ in 1 2 3; do
	sleep 12
	slow=$(vital pulse.period_ns)
	[ "${slow:-0}" -lt 100000000 ] || break
done
at_least 'at rest: the period of the pulse, ns' "$slow" 100000000

hog -t 4 -d 4 >/dev/null &
hogs=$!
probe -d 3 >/dev/null
for class in normal batch; do
	v=$(vital sched.wait.$class.p99_ns peak) && [ "$v" -gt "${peak:-0}" ] && peak=$v
done
# four hogs, slices of some ms: each waits for the others
at_least 'under hogs: longest p99 of waits, ns' "${peak:-}" 1000000
at_most 'under hogs: longest p99 of waits is no nonsense, ns' "${peak:-}" 60000000
# what of the probe's 1000 wake-ups preempts is up to the kernel: at least each tick of 250 Hz is one, there and back
at_least 'under hogs: switches per second' "$(vital sched.switches_hz)" 500
at_most 'under hogs: the pulse is fast, ns' "$(vital pulse.period_ns)" 10000000
at_most 'under hogs: cost of sensing, permille' "$(vital sense.cost_permille)" 10
wait "$hogs"
homeostat --json vitals >"$tmp/vitals" # one look: between two of them the window may be another
quantile() { leaf "vitals[sched.wait.normal.p$1_ns].value" <"$tmp/vitals"; }
p50=$(quantile 50) p95=$(quantile 95) p99=$(quantile 99)
at_most 'p50 <= p95' "$p50" "${p95:-0}"
at_most 'p95 <= p99' "$p95" "${p99:-0}"
for v in sched.run.normal_ns sched.offcpu.normal_ns pulse.cost_ns psi.cpu.some_permille cpu.busy_permille mem.available_permille \
	mem.swap_hz net.listen_queue_permille; do
	at_least "vital sign $v is there" "$(vital $v)" 0
done
check 'homeostatd has seen its own memory' within 10 vital daemon.rss_bytes
at_most 'RSS, bytes' "$(vital daemon.rss_bytes)" 8388608
at_least 'counter: switches' "$(counter switches)" 1000
at_least 'counter: samples' "$(counter samples)" 1000

if [ ! -e "$scx" ]; then
	says 'status says why there is no scheduler' 'sched.*unavailable' homeostat status
	homeostat mode act >/dev/null 2>&1
	equals 'mode act does not pretend to have a scheduler' "$(status_leaf scheduler)" none
fi

pid=$hs_pid
check 'SIGTERM ends it with 0' hs_stop
check 'it is gone' gone "$pid"
check 'its socket is gone' [ ! -e /run/homeostat/control.sock ]
finish
