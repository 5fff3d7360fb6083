#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: day kernel=scx cpus=1 long
# limit: 90000
#
# A day of virtual time: under its guard, with an adviser and the historian, and once an hour a load that has the machine changed and
# changed back. Nothing grows: no process's memory, no descriptor; the database only as its retention says. Some 40 minutes of a core
# that nobody else wants, as the two clients sleep (SIGSTOP) for most of each hour: their looks, each second, are what an emulated day
# costs. DAY_HOURS and DAY_HOUR_S are for fewer and shorter ones; not shorter than 1300 s, as a rule has six changes an hour.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

hours=${DAY_HOURS:-24} hour_s=${DAY_HOUR_S:-3600}
somaxconn=/proc/sys/net/core/somaxconn
db=$tmp/history.db
echo 128 >"$somaxconn"
echo 'homeostat:x:900:900::/:/bin/false' >>/etc/passwd
{
	sed '/^advice:/,/^[a-z]*:/{/^advice:/d;/^ /d;/^$/d}' "$profiles/balanced.yaml"
	cat <<-'END'
		changes:
		  risk: 3
		  allow: net.core.somaxconn
		  advisers: homeostat
		advice:
		  - name: listen-overflow
		    when: { vital: net.listen_full_hz, above: 1, for: 3s }
		    propose: { parameter: net.core.somaxconn, times: 8, most: 1024 }
		    back: { below: 1, for: 20s }
		    goal: loss
		    cooldown: 20s
		    reason: the queue of a listening socket is full
	END
} >"$tmp/day.yaml"

homeostat-guard -- /usr/bin/homeostatd --profile "$tmp/day.yaml" --mode act >>"$hs_log" 2>&1 &
guard=$!
answers() { status >/dev/null 2>&1; }
check 'under its guard' within 60 answers
chmod 0666 /run/homeostat/control.sock
check 'armed' within 60 hs_armed
setpriv --reuid=900 --regid=900 --clear-groups homeostat-adviser --profile "$tmp/day.yaml" >>"$tmp/adviser.log" 2>&1 &
adviser=$!
homeostat-historian --db "$db" >>"$tmp/historian.log" 2>&1 &
historian=$!

# look HOUR: a line for each process, `PID NAME ANON_KB DESCRIPTORS`, in $tmp/hour.HOUR, and the size of the database in $tmp/size.HOUR
look() {
	for _p in /proc/[0-9]*; do
		grep -q '^homeostat[-d]' "$_p/comm" 2>/dev/null || continue
		_p=${_p#/proc/}
		echo "$_p $(cat "/proc/$_p/comm") $(sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$_p/status")" \
			"$(find "/proc/$_p/fd" -mindepth 1 | wc -l)"
	done >"$tmp/hour.$1"
	wc -c <"$db" >"$tmp/size.$1"
	say "# hour $1: $(awk '{ kb += $3; n += $4; each = each " " $2 " " $3 } END { printf "%d processes, %d kB of their own (%s), %d descriptors", NR, kb, substr(each, 2), n }' "$tmp/hour.$1");" \
		"database $(cat "$tmp/size.$1") bytes; $(homeostat changes | grep -cE '^[0-9]+ committed ') changes listed as committed"
}
# grown HOUR: of the database, in that hour
grown() { echo $(($(cat "$tmp/size.$1") - $(cat "$tmp/size.$(($1 - 1))"))); }
clients() { kill "-$1" "$adviser" "$historian"; }
uptime_s() { cut -d . -f 1 /proc/uptime; }

begin=$(uptime_s)
hour=0
while [ $hour -lt "$hours" ]; do
	hour=$((hour + 1))
	clients CONT
	backlog -d 100000 -b 300 >/dev/null &
	load=$!
	raised() { [ "$(cat "$somaxconn")" = 1024 ]; }
	within 60 raised || not_ok "hour $hour: the rule has it raised" "$(tail -n 1 "$tmp/adviser.log")"
	sleep 20 # it is watched (virtual time)
	kill "$load"
	wait "$load"
	lowered() { [ "$(cat "$somaxconn")" = 128 ]; }
	within 120 lowered || not_ok "hour $hour: and back" "$(homeostat changes | tail -n 2)"
	sleep 30 # that is watched, too, and the historian has written it (virtual time)
	look $hour
	clients STOP
	left=$((begin + hour * hour_s - $(uptime_s)))
	[ $left -le 0 ] || sleep "$left" # the rest of the hour
done
clients CONT

at_least 'so long it was, s' $(($(uptime_s) - begin)) $((hours * hour_s))
check 'still armed' within 30 hs_armed # it may be looking at stock
equals 'no trip' "$(status_leaf incidents.trips)" 0
# two changes an hour: by then homeostatd's list of the latest 32 is full, and what is kept has been touched
full=17
equals 'no process came or went' "$(awk '{ print $1, $2 }' "$tmp/hour.2")" "$(awk '{ print $1, $2 }' "$tmp/hour.$hours")"
while read -r pid name kb descriptors; do
	read -r _ _ last last_descriptors <<-END
		$(grep "^$pid " "$tmp/hour.$hours")
	END
	at_most "$name: memory of its own at the end, kB, of hour $full's" "${last:-none}" $((kb + 96))
	equals "$name: descriptors" "${last_descriptors:-none}" "$descriptors"
done <"$tmp/hour.$full"
# minutes are kept for 48 hours, which is not reached here (test_history_time.c has that): it grows as it did, and no faster
at_most 'the database: growth in the last hour, bytes, of that in the third' "$(grown "$hours")" $(($(grown 3) * 3 / 2 + 16384))
clients TERM
wait "$adviser" "$historian"
kill -TERM "$guard"
wait "$guard"
finish
