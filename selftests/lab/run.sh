#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
#
# The main job, on the machine that it runs on: run.sh SECONDS ROUNDS. A latency-critical service
# (redis with a client at a fixed rate) and a periodic probe (cyclictest, 1 ms) beside noisy
# neighbours (stress-ng, hackbench), first stock, then under homeostat. Says what it does, and ends
# with a table. Started by scripts/run.

# shellcheck source=selftests/lab/lib.sh
. "${LAB_LIB:-/lab/lib.sh}"

seconds=$1 rounds=$2
warmup=1
redis_at=${LAB_REDIS:-} # options of redisload, empty: TCP on the loopback
rate=1000
trap 'kill $(jobs -p) 2>/dev/null; hs_stop' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

us() { awk -v a="$1" 'BEGIN { if (a == "") print "-"; else if (a < 10000000) printf "%.1f us", a / 1000; else printf "%.1f ms", a / 1000000 }'; }

# quantile PERMILLE FILE: of samples, one to a line, sorted
quantile() { awk -v q="$1" '{ v[NR] = $1 } END { r = int((NR * q + 999) / 1000); if (NR) print v[r ? r : 1] }' "$2"; }

# histogram PERMILLE FILE…: quantile in ns of cyclictest's histograms taken together
histogram() {
	_q=$1
	shift
	cat "$@" | awk -v q="$_q" '
		/^# Histogram Overflows:/ { over += $4 }
		/^[0-9]/ && NF == 2 { h[$1 + 0] += $2; n += $2; if ($1 + 0 > top) top = $1 + 0 }
		END {
			rank = int(((n + over) * q + 999) / 1000)
			for (i = 0; i <= top; i++) {
				sum += h[i]
				if (sum >= rank) { print i * 1000; exit }
			}
			if (n + over) print (top + 1) * 1000
		}'
}

service_start() {
	if [ "$redis_at" ]; then
		redis-server --port 0 --unixsocket "${redis_at#-u }" --save '' --appendonly no >/dev/null &
	else
		redis-server --save '' --appendonly no >/dev/null &
	fi
}

# neighbours_loop ARM: hackbench again and again until the file `noise` is gone
neighbours_loop() {
	while [ -e "$tmp/noise" ]; do
		hackbench -l 100 -g 1 -f 4 >/dev/null 2>&1
		echo x >>"$tmp/$1.loops"
	done
}

# round ARM N
round() {
	: >"$tmp/noise"
	stress-ng --cpu 2 --timeout $((seconds + 2 * warmup)) --metrics-brief >"$tmp/stress" 2>&1 &
	stress=$!
	neighbours_loop "$1" &
	loop=$!
	begin=$(cut -d' ' -f1 /proc/uptime)
	# shellcheck disable=SC2086  # two words
	redisload $redis_at -r $rate -W $warmup -d "$seconds" -s "$2" -R "$tmp/$1.redis" -o "$tmp/redisload" &
	client=$!
	sleep $warmup
	noslack cyclictest -q -m -i 1000 -l $((seconds * 1000)) -h 50000 >"$tmp/$1.cyclic.$2"
	wait $client
	rm -f "$tmp/noise"
	wait $loop
	end=$(cut -d' ' -f1 /proc/uptime)
	wait $stress
	echo "$begin $end" >>"$tmp/$1.spans"
	sed -n 's/.*metrc:.* cpu  *\([0-9]*\)  *\([0-9.]*\) .*/\1 \2/p' "$tmp/stress" >>"$tmp/$1.bogo"
	say "$1: $2 of $rounds: redis p50 $(us "$(field p50_ns <"$tmp/redisload")"), p99 $(us "$(field p99_ns <"$tmp/redisload")");" \
		"cyclictest p50 $(us "$(histogram 500 "$tmp/$1.cyclic.$2")"), p99 $(us "$(histogram 990 "$tmp/$1.cyclic.$2")")"
	rm -f "$tmp/redisload"
}

# arm NAME: all rounds; the events of each round are kept, as the daemon remembers only so many
arm() {
	n=0
	while [ $n -lt "$rounds" ]; do
		n=$((n + 1))
		round "$1" $n
		# figures of a host that went back to stock would say nothing
		[ "$1" != homeostat ] || hs_armed || die "homeostat is no longer armed: $(homeostat status | grep '^gate')"
		[ "$1" = stock ] || homeostat --json events -n 256 >>"$tmp/events"
	done
	sort -n "$tmp/$1.redis" >"$tmp/$1.sorted"
}

#
# The table
#

# row WHAT STOCK OURS [UNIT]: UNIT ns, or a rate, of which more is better
row() {
	awk -v what="$1" -v a="$2" -v b="$3" -v unit="${4:-}" '
	function show(v) {
		if (v == "") return "-"
		if (unit != "ns") return sprintf("%.1f", v)
		return v < 10000000 ? sprintf("%.1f us", v / 1000) : sprintf("%.1f ms", v / 1000000)
	}
	BEGIN { printf "  %-40s %12s %12s %10s\n", what, show(a), show(b), a + 0 && b != "" ? sprintf("x %.3f", b / a) : "-" }'
	record "\"what\":\"$1\",\"stock\":${2:-null},\"homeostat\":${3:-null},\"unit\":\"${4:-}\""
}

# rate of hackbench loops, of stress-ng operations
loops() { awk -v n="$(wc -l <"$tmp/$1.loops")" '{ s += $2 - $1 } END { if (s) print n / s }' "$tmp/$1.spans"; }
bogo() { awk '{ n += $1; s += $2 } END { if (s) print n / s }' "$tmp/$1.bogo"; }

latency_rows() {
	for q in 500 990 999; do
		case $q in 500) p=p50 ;; 990) p=p99 ;; *) p=p99.9 ;; esac
		case $1 in
		redis) row "redis, $rate requests/s: $p" "$(quantile $q "$tmp/stock.sorted")" "$(quantile $q "$tmp/homeostat.sorted")" ns ;;
		*) row "cyclictest, 1 ms: $p" "$(histogram $q "$tmp"/stock.cyclic.*)" "$(histogram $q "$tmp"/homeostat.cyclic.*)" ns ;;
		esac
	done
}

# one line "ts knob from to latency_ns vital" for each reflex, each once
reflexes() {
	jflat <"$tmp/events" | awk '
		/\.ts_ns / { if (type == "reflex") print ts, knob, from, to, latency, vital; ts = $2; type = knob = vital = "-"; from = to = latency = 0 }
		/\.type / { type = $2 } /\.knob / { knob = $2 } /\.vital / { vital = $2 }
		/\.from / { from = $2 } /\.to / { to = $2 } /\.latency_ns / { latency = $2 }
		END { if (type == "reflex") print ts, knob, from, to, latency, vital }' | sort -u
}

knobs_table() {
	homeostat --json knobs | jflat | awk '
		{ k = $1; sub(/^knobs\[/, "", k); sub(/\]\..*/, "", k); m = $1; sub(/.*\]\./, "", m); v[k, m] = $2; if (m == "name") order[n++] = k }
		END { for (i = 0; i < n; i++) print order[i], v[order[i], "stock"], v[order[i], "base"], v[order[i], "value"] }' |
		while read -r name stock base value; do
			set -- "$(awk -v k="$name" '$2 == k { n++; if (n == 1 || $4 < lo) lo = $4; if ($4 > hi) hi = $4; vital = $6 }
				END { if (n) printf "%d times, %d to %d, by %s", n, lo, hi, vital }' "$tmp/reflexes")"
			[ "$stock" != "$value" ] || [ "$1" ] || continue
			printf '  %-34s %8s %8s %8s  %s\n' "$name" "$stock" "$base" "$value" "${1:-set by the profile}"
			record "\"knob\":\"$name\",\"stock\":$stock,\"base\":$base,\"value\":$value,\"why\":\"${1:-profile}\""
		done
}

table() {
	printf '\n  %-40s %12s %12s %10s\n' '' stock homeostat ratio
	latency_rows redis
	latency_rows cyclictest
	row 'neighbour stress-ng --cpu 2, bogo ops/s' "$(bogo stock)" "$(bogo homeostat)"
	row 'neighbour hackbench, loops/s' "$(loops stock)" "$(loops homeostat)"
	reflexes >"$tmp/reflexes"
	printf '\n  %-34s %8s %8s %8s  %s\n' 'knobs that are not stock' stock base now 'moved by a reflex'
	knobs_table
	awk '{ print $5 }' "$tmp/reflexes" | sort -n >"$tmp/reactions"
	if [ -s "$tmp/reactions" ]; then
		printf '\n  %s reflexes seen; from crossing the threshold to the new value: median %s, longest %s\n' \
			"$(wc -l <"$tmp/reactions")" "$(us "$(quantile 500 "$tmp/reactions")")" "$(us "$(tail -n 1 "$tmp/reactions")")"
	else
		printf '\n  no reflex fired\n'
	fi
	printf '  recognised as latency-critical, by behaviour alone: %s\n' \
		"$(awk '{ print $2 }' "$tmp/critical" | sort | uniq -c | awk '{ printf "%s%s", n++ ? ", " : "", ($1 > 1) ? $2 " (" $1 ")" : $2 }')"
}

scx_is disabled || die "sched_ext is $(scx_state) here: nothing to compare"
service_start
say "service: redis on $(uname -r), $(nproc) CPU(s); neighbours: stress-ng --cpu 2, hackbench; $rounds rounds of $seconds s each, twice"
redisload ${redis_at:+"-u" "${redis_at#-u }"} -r $rate -n $rate -o "$tmp/first" || die "redis does not answer"
say "first figures, without neighbours: redis p50 $(us "$(field p50_ns <"$tmp/first")"), p99 $(us "$(field p99_ns <"$tmp/first")")"
arm stock
before=$(cut -d' ' -f1 /proc/uptime)
hs_act balanced || die "homeostat does not arm"
say "homeostat: acting after $(awk -v a="$before" -v b="$(cut -d' ' -f1 /proc/uptime)" 'BEGIN { printf "%.2f", b - a }') s, profile balanced, nothing declared"
arm homeostat
tasks | awk '$3 == "critical"' >"$tmp/critical"
table
