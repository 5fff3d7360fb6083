#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: fair kernel=scx cpus=1
#
# What the scheduler owes to each class: critical work runs at once, but nobody starves.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

sleep 5
share() { awk -v c="$(field cpu_ns <"$1")" -v s="$(field span_ns <"$1")" 'BEGIN { if (s) printf "%.3f", c / s }'; }

# the same under stock, for comparison
hog -t 4 -W 1 -d 2 -o "$tmp/stock.hog" &
hogs=$!
probe -W 1 -n 2000 -f 50 -o "$tmp/fifo.probe"
wait "$hogs"

declare_profile "$tmp/fair.yaml" \
	'{ name: spin, class: critical, match: { comm: spin } }' \
	'{ name: storm, class: critical, match: { comm: storm } }' \
	'{ name: burst, class: critical, match: { comm: burst }, deadline: 200us }' \
	'{ name: patient, class: critical, match: { comm: patient }, deadline: 1ms }' \
	'{ name: urgent, class: critical, match: { comm: urgent }, deadline: 500us }' \
	'{ name: audio, class: critical, match: { comm: audio }, period: 5ms, deadline: 5ms, runtime: 2ms }'
# it is to stay: in the middle of the weights below it once went to look at stock, which let nice 10 wait for 315 ms
sed -i '/^helping:/d' "$tmp/fair.yaml"
echo 'helping: { margin: 0% }' >>"$tmp/fair.yaml"
hs_act "$tmp/fair.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"

# Turns: of four hogs each waits for the other three, whose slices are two ticks (8 ms) here; virtual time allows one of
# them a second turn. One that was put back with its slice used up went on after each of the others: 60 to 80 ms.
hog -t 4 -W 1 -d 3 -o "$tmp/turns"
at_most 'four hogs take turns: longest wait, ms' \
	"$(awk -v a="$(field gap_max_ns <"$tmp/turns")" 'BEGIN { if (a) print a / 1000000 }')" 44

# recognised: the probe is declared nowhere
hog -t 4 -W 1 -d 2 -o "$tmp/hog" &
hogs=$!
probe -W 1 -n 2000 -o "$tmp/probe"
wait "$hogs"
at_most 'recognised probe: p99, as multiple of SCHED_FIFO' \
	"$(awk -v a="$(field p99_ns <"$tmp/probe")" -v b="$(field p99_ns <"$tmp/fifo.probe")" 'BEGIN { if (a && b) print a / b }')" 2.5
at_least "the hogs' work, of EEVDF's" \
	"$(awk -v a="$(field work <"$tmp/hog")" -v b="$(field work <"$tmp/stock.hog")" 'BEGIN { if (a && b) print a / b }')" 0.98

# two chains of critical tasks at a time: the second task that waited was forgotten, and a hog that had been
# preempted for the first went on before it, for milliseconds
hog -t 2 -d 5 >/dev/null &
hogs=$!
pipeline -d 5 >/dev/null &
pipeline=$!
reqrep -r 500 -w 100 -W 2 -d 3 -o "$tmp/reqrep"
wait "$hogs" "$pipeline"
at_most 'two chains of critical tasks beside hogs: replies, p99 in us' \
	"$(awk -v a="$(field p99_ns <"$tmp/reqrep")" 'BEGIN { if (a) print a / 1000 }')" 700

# Two critical tasks that wake in one interrupt, the urgent one last, so that it goes first: the hog that was preempted
# went on before the other. Their periods slide past each other, and meet once a second.
cp /lab/bin/probe "$tmp/patient"
cp /lab/bin/probe "$tmp/urgent"
hog -t 4 -d 7 >/dev/null &
hogs=$!
"$tmp/urgent" -p 1001 -W 1 -d 5 >/dev/null &
urgent=$!
"$tmp/patient" -p 1000 -W 1 -d 4 -o "$tmp/patient.line"
wait "$hogs" "$urgent"
at_most 'two critical tasks in one interrupt: longest wait of the second, us' \
	"$(awk -v a="$(field max_ns <"$tmp/patient.line")" 'BEGIN { if (a) print a / 1000 }')" 200

hog -t 2 -d 3 >/dev/null &
hogs=$!
audio -W 1 -d 2 -o "$tmp/audio" &
audio=$!
# its start, until the dynamic linker has done, is one long run: what is missed is counted from there
warm() {
	homeostat --json workloads >"$tmp/workloads"
	[ "$(leaf 'declared[audio].wakeups' <"$tmp/workloads")" -ge 50 ]
}
check 'declared audio: begins' within 10 warm
misses=$(leaf 'declared[audio].misses' <"$tmp/workloads")
at_most 'declared audio: missed at its start' "$misses" 1
wait "$audio"
equals 'declared audio: no deadline missed' "$(field misses <"$tmp/audio")" 0
homeostat --json workloads >"$tmp/workloads"
at_least 'declared audio: runs are counted' "$(leaf 'declared[audio].wakeups' <"$tmp/workloads")" 400
equals 'declared audio: none of them missed' "$(leaf 'declared[audio].misses' <"$tmp/workloads")" "$misses"
at_least 'declared audio: worst run, ns' "$(leaf 'declared[audio].run_max_ns' <"$tmp/workloads")" 900000
at_least 'declared audio: mean run, ns' "$(leaf 'declared[audio].run_mean_ns' <"$tmp/workloads")" 900000
at_most 'declared audio: mean run is no nonsense, ns' "$(leaf 'declared[audio].run_mean_ns' <"$tmp/workloads")" 1300000
wait "$hogs"

# the runaway
rm "$tmp/hog"
budget=$(knob sched.critical.budget_permille)
# six tasks, so fairness allows no longer waits than the bound
bound=$(knob sched.starvation_ms)
hog -t 4 -W 1 -d 3 -o "$tmp/hog" &
hogs=$!
spin -W 1 -d 3 -o "$tmp/spin" &
spin=$!
interactive -W 1 -d 3 -p 20000 -b 1000000 -w 500 -o "$tmp/sleeper"
wait "$hogs" "$spin"
at_least 'runaway: gets its budget' "$(share "$tmp/spin")" "$(awk "BEGIN { print $budget / 1000 * 0.75 }")"
at_least 'runaway: the hogs have their share' "$(share "$tmp/hog")" \
	"$(awk "BEGIN { print (1 - $budget / 1000) * 4 / 6 * 0.9 }")"
at_most 'runaway: longest wait of a hog, ns' "$(field gap_max_ns <"$tmp/hog")" $((bound * 1000000))
at_most 'runaway: longest wait of a sleeper, ns' "$(field max_ns <"$tmp/sleeper")" $((bound * 1000000))
at_least 'runaway: being over budget is counted' "$(counter sched.over_budget)" 1

# the same after a quiet life: what it did not use then is not owed to it now
rm "$tmp/hog" "$tmp/spin"
hog -t 2 -W 5 -d 2 -o "$tmp/hog" &
hogs=$!
spin -q 4 -W 1 -d 2 -o "$tmp/spin"
wait "$hogs"
at_least 'late runaway: the hogs have their share' "$(share "$tmp/hog")" \
	"$(awk "BEGIN { print (1 - $budget / 1000) * 2 / 3 * 0.9 }")"

# A crowd of critical tasks, all let in together: homeostatd's main loop, which has a heartbeat to keep, waited for all
# of them, and was then refused precedence, as they had used up the budget (72 ms). And a more urgent one that runs for
# long: now until the next tick, no longer (8 ms: it went on before those who waited).
own() { homeostat --json workloads | leaf "declared[homeostatd].$1"; }
before=$(own wakeups)
hog -t 4 -d 3 >/dev/null &
hogs=$!
storm -t 60 -w 1000000 -d 2 >/dev/null
wait "$hogs"
cp /lab/bin/audio "$tmp/burst"
hog -t 4 -d 7 >/dev/null &
hogs=$!
"$tmp/burst" -p 30000 -w 9000 -d 6 >/dev/null &
burst=$!
while alive "$burst"; do
	own wakeups >/dev/null
	sleep 0.05
done
wait "$hogs"
at_least "crowd and bursts: homeostatd's wake-ups beside them" "$(($(own wakeups) - before))" 50
at_most 'crowd and bursts: longest response of homeostatd, us' "$(($(own resp_max_ns) / 1000))" 6500

# Weight: nice 0 against nice 10 (1024 : 110). With slices as long as they may be (100 ms, where a rule or somebody wants that) the
# lighter one waited for two of them: 120 ms and more, beyond the bound.
slice_is() { [ "$(knob sched.slice.batch_us)" = "$1" ]; }
homeostat wish sched.slice.batch_us 100ms >/dev/null
check 'weight: slices are long' within 10 slice_is 100000
hog -N 10 -d 2 -o "$tmp/nice10" &
hogs=$!
hog -d 2 -o "$tmp/nice0"
wait "$hogs"
at_least 'weight: nice 0 against nice 10' \
	"$(awk -v a="$(field work <"$tmp/nice0")" -v b="$(field work <"$tmp/nice10")" 'BEGIN { if (b) print a / b }')" 6
# age is looked at when a CPU has to choose, so at the next tick (4 ms) at the latest
at_most 'weight: nice 10 is not starved' "$(field gap_max_ns <"$tmp/nice10")" $(((bound + 4) * 1000000))
homeostat wish sched.slice.batch_us --clear >/dev/null

# many runnable tasks: fairness allows longer waits than the bound, equal shares remain
rm "$tmp/hog"
hog -t 12 -d 4 -o "$tmp/hog"
at_least 'twelve hogs: the least of them against the mean' \
	"$(awk -v l="$(field least_work <"$tmp/hog")" -v w="$(field work <"$tmp/hog")" 'BEGIN { if (w) print 12 * l / w }')" 0.8

check 'still armed' hs_armed
equals 'it never left' "$(status_leaf generation)" 1

# Kernel threads among critical tasks that compete. One that was first in the local queue while a critical
# task waited was preempted for it, went first again, and so on for ever: here the guest stood still
cg=/sys/fs/cgroup
rm "$tmp/hog" "$tmp/audio"
hog -t 2 -d 4 -o "$tmp/hog" &
hogs=$!
for n in 1 2 3 4; do audio -d 4 -o "$tmp/audio" & done
n=0
while alive "$hogs"; do
	n=$((n + 1))
	mkdir $cg/churn && rmdir $cg/churn # its remains are the work of kworkers
done
at_least 'kernel threads among critical tasks: so many cgroups went' "$n" 50
at_least 'kernel threads among critical tasks: critical tasks compete' "$(counter sched.critical_queued)" 10
at_most 'kernel threads among critical tasks: the longest wait of one, ms' \
	"$(awk -v a="$(vital softirq.starved_ns peak)" 'BEGIN { print a / 1000000 }')" "$bound"
wait "$hogs"
at_least 'kernel threads among critical tasks: all hogs worked' "$(field least_work <"$tmp/hog")" 1000
finish
