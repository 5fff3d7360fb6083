#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: killed kernel=scx cpus=1
# limit: 300
#
# Three parameters are changed as one, one of them by the hand, and homeostatd is killed at a system call of that, each time at a later one: before and after each
# opening, reading and writing of their files, while they are watched, and after they were committed. Alone, with the restorer to put
# back; or with guard and restorer, and then `homeostat restore`, or the next start. All have their old values then, or all the
# new ones. (Every instruction of the undo table itself: selftests/unit/test_undo_commit.c.)

# shellcheck disable=SC2317,SC2154  # functions that are called through check; variables of guarded.sh
# shellcheck source=selftests/kernel/guarded.sh
. /lab/kernel/guarded.sh

# which stops: some of those until both are written (the first 60 or so), one of the watching, and after the commit
stops=${KILLED_AT:-'1 7 16 25 39 150 100000'}
a=/proc/sys/vm/swappiness
b=/proc/sys/net/core/somaxconn
c=/sys/class/net/lo/queues/rx-0/rps_cpus
old="$(cat "$a") $(cat "$b") $(cat "$c")"
new='11 1111 1'

started() { advised "$profiles/balanced.yaml"; }
change_all() {
	ask -j '{"verb":"propose","source":"person","proposals":[{"parameter":"vm.swappiness","value":"11","reason":"all"},{"parameter":"net.core.somaxconn","value":"1111","reason":"all"},{"parameter":"net.rps_cpus[lo,0]","value":"1","reason":"all"}]}' >"$tmp/answer"
	id=$(field id <"$tmp/answer")
	[ "$id" ] || cannot 'it is proposed' "$(cat "$tmp/answer")"
	killat -f "$a" -p "$hs_pid" "$@" -o "$tmp/killat" &
	killer=$!
	within 5 traced || true
	homeostat approve "$id" >/dev/null
}
traced() { grep -q "^TracerPid:[[:space:]]*$killer$" "/proc/$hs_pid/status"; }
no_daemon() { gone "$hs_pid"; }
nobody() { gone "$hs_pid" && gone "$guard" && gone "$restorer"; }
now() { echo "$(cat "$a") $(cat "$b") $(cat "$c")"; }
is_old() { [ "$(now)" = "$old" ]; }
committed() { homeostat changes | grep -q "^$id committed"; }

nr=0 olds=0 news=0
for k in $stops; do
	rm -f "$tmp/killat" "$run/breaker"
	started
	nr=$((nr + 1))
	if [ "$k" -ge 100000 ]; then # the commit, and then death
		change_all -k "$k"
		check 'not killed: committed' within 30 committed
		kill -TERM "$killer"
		kill -KILL "$restorer" "$guard" "$hs_pid"
	elif [ $((nr % 2)) -eq 0 ]; then
		change_all -k "$k"
	else
		change_all -k "$k" -p "$guard" -p "$restorer"
	fi
	wait "$killer"
	check "stop $k: it is dead" within 30 no_daemon
	check "stop $k: nobody is left" within 30 nobody
	if [ $((nr % 4)) -eq 3 ]; then # the next start
		started
		hs_left=$(now)
		kill -TERM "$guard"
		within 20 nobody
	else
		homeostat restore >/dev/null
		hs_left=$(now)
	fi
	case $hs_left in
	"$old") olds=$((olds + 1)) ;;
	"$new") news=$((news + 1)) ;;
	*) not_ok "stop $k: all old or all new" "$hs_left" ;;
	esac
	homeostat restore --all >/dev/null
	check "stop $k: back as it was" is_old
	hs_pid=
done
say "# $nr deaths: $olds with the old values, $news with the new ones"
equals 'old or new, each time' $((olds + news)) "$nr"
at_least 'some before the commit' "$olds" 4
equals 'one after it' "$news" 1
finish
