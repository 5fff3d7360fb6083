# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# shellcheck shell=dash
#
# What the guest's tests have in common. A test file is a shell script with a line
#
#	# boot: LABEL kernel=KERNEL cpus=N [nodes=N] [mem=MIB] [nics] [long] [twice]
#
# and, where it needs more than 120 s of virtual time, `# limit: SECONDS`.
# Files of the same label share a boot, in the order of their names; with several such lines a file
# runs in several boots. scripts/test makes them. Each check is one line `ok NAME`,
# `not ok NAME: why` or `skip NAME: why` (or `same`, see below), written to /dev/results and, for the reader, to the
# console. A file that ends without `finish` has failed.

# shellcheck source=selftests/lab/lib.sh
. /lab/lib.sh

file=${0##*/}
file=${label:-none}/${file%.sh}

tap() {
	echo "$1" >"$results"
	echo "$1"
}
ok() { tap "ok $file: $1"; }
not_ok() { tap "not ok $file: $1: $2"; }
skip() { tap "skip $file: $1: $2"; }
# same NAME VALUE: of a boot that is made twice, and has to give the same both times
same() { tap "same $file: $1: $(echo "$2" | tr '\n' ' ')"; }
# long PART: whether this part, which takes minutes, is to be run (scripts/test --long)
long() { [ "$LONG" ] || { skip "$1" 'only with --long'; false; }; }

# check NAME COMMAND…: the command succeeds; why not is the last line it said
check() {
	_name=$1
	shift
	if "$@" >"$tmp/said" 2>&1; then
		ok "$_name"
	else
		not_ok "$_name" "$* failed ($?) $(tail -n 1 "$tmp/said")"
	fi
}
# refuses NAME CODE COMMAND…: the command fails with that exit code
refuses() {
	_name=$1 _code=$2
	shift 2
	_rc=0
	"$@" >"$tmp/said" 2>&1 || _rc=$?
	if [ $_rc -eq "$_code" ]; then
		ok "$_name"
	else
		not_ok "$_name" "$*: exit code $_rc, not $_code; $(tail -n 1 "$tmp/said")"
	fi
}
# equals NAME VALUE WANTED
equals() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "'$2', not '$3'"; fi
}
number() { case $1 in '' | *[!0-9.-]*) return 1 ;; esac; }
# at_most, at_least NAME VALUE LIMIT: numbers; no value has failed
at_most() {
	if number "$2" && awk "BEGIN { exit !($2 <= $3) }"; then
		ok "$1"
	else
		not_ok "$1" "'$2' is not at most $3"
	fi
}
at_least() {
	if number "$2" && awk "BEGIN { exit !($2 >= $3) }"; then
		ok "$1"
	else
		not_ok "$1" "'$2' is not at least $3"
	fi
}
# says NAME TEXT COMMAND…: the output holds the text (an extended regular expression)
says() {
	_name=$1 _text=$2
	shift 2
	"$@" >"$tmp/said" 2>&1
	if grep -Eq -- "$_text" "$tmp/said"; then
		ok "$_name"
	else
		not_ok "$_name" "$* does not say '$_text' but: $(tr '\n' '|' <"$tmp/said" | cut -c1-300)"
	fi
}

# stream_in PORT DSCP COUNT RATE: from the other end to us, of what network_make made; what was counted is in $tmp/counted
stream_in() {
	rm -f "$tmp/counted" "$tmp/sent"
	datagrams -l -A 10.77.0.1 -P "$1" -n "$3" -o "$tmp/counted" &
	_listener=$!
	check "port $1: there is a listener" within 10 grep -q ":$(printf %04X "$1") " /proc/net/udp
	ip netns exec far datagrams -A 10.77.0.1 -P "$1" -q "$2" -n "$3" -r "$4" -o "$tmp/sent"
	wait "$_listener"
}

# clean_log: the kernel had nothing to complain of
clean_log() {
	if warnings >"$tmp/warnings"; then
		not_ok "no warning in the kernel log" "$(head -n 1 "$tmp/warnings")"
	else
		ok "no warning in the kernel log"
	fi
}

# nothing_refused: what we do of our own accord is in the tables of our system call filters
nothing_refused() {
	if dmesg | grep 'type=1326 .*comm="\(homeostat\|heartbeat\)' >"$tmp/refused"; then
		not_ok 'no system call was refused' "$(sed -n '1s/.*comm=/comm=/p' "$tmp/refused")"
	else
		ok 'no system call was refused'
	fi
}

finish() {
	hs_stop
	clean_log
	nothing_refused
	echo "done $file" >"$results"
	exit 0
}

# cannot NAME WHY: nothing further in this file can be tried
cannot() {
	not_ok "$1" "$2"
	finish
}
