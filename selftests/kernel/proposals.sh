# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# shellcheck shell=dash
#
# For tests that have the machine changed: proposals, what becomes of them, and what they did. Sourced after tap.sh.
#
# shellcheck disable=SC2154,SC2034 # tmp: lib.sh; id is for those who source this

# propose_all SOURCE PROPOSALS: a list in JSON, of which all or none is made; the answer is in $tmp/answer, the number in $id
propose_all() {
	ask -j "{\"verb\":\"propose\",\"source\":\"$1\",\"proposals\":[$2]}" >"$tmp/answer"
	_rc=$?
	id=$(field id <"$tmp/answer")
	return $_rc
}
# propose SOURCE PARAMETER VALUE [MEMBERS]
propose() { propose_all "$1" "{\"parameter\":\"$2\",\"value\":\"$3\",\"reason\":\"a test\"${4:+,$4}}"; }
answered() { grep -q -- "$1" "$tmp/answer"; }

# state ID, why ID: of a change
state() { homeostat changes | awk -v id="$1" '$1 == id { print $2; exit }'; }
why() { homeostat changes | sed -n "s/^$1 [a-z_]* ([^)]*): //p"; }
state_is() { [ "$(state "$1")" = "$2" ]; }
# becomes ID STATE SECONDS: not before so long (virtual time), as to ask again and again would be a load itself
becomes() {
	sleep "$3"
	within 40 state_is "$1" "$2"
}
# made ID: from what to what it changes each of its files
made() { homeostat changes | awk -v id="$1" '/^[0-9]/ { on = $1 == id } on && sub(/^    \/[^ ]*: /, "") { printf "%s%s", n++ ? "; " : "", $0 }'; }

# reads FILE VALUE: it holds that
reads() { [ "$(cat "$1")" = "$2" ]; }
# in_5_s COMMAND…: by how much what it says grows
in_5_s() {
	_before=$("$@")
	sleep 5 # what is counted is a rate (virtual time)
	echo $(($("$@") - _before))
}

# softnet N CPU…: column N of /proc/net/softnet_stat, the sum over these CPUs: 1 taken in, 2 dropped, 3 rounds that ended with packets
# left, 10 called by another CPU
softnet() {
	_column=$1 _sum=0
	shift
	for _cpu; do
		_hex=$(awk -v r="$_cpu" -v n="$_column" 'NR == r + 1 { print $n }' /proc/net/softnet_stat)
		_sum=$((_sum + 0x$_hex))
	done
	echo "$_sum"
}

# helped, harmed PARAMETER ID UNIT HOW BEFORE AFTER: what a change did, a row of the table that scripts/effects makes
helped() { row helped "$@"; }
harmed() { row harmed "$@"; }
row() { say "# $1|$2|$(made "$3")|$4|$5|$6|$7|$(why "$3")"; }
