# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# shellcheck shell=dash
# shellcheck disable=SC2034,SC2317,SC2154  # for those who source this; functions that are passed by name; variables of tap.sh
#
# For tests of policies in the slots of the real daemon.

pi=/lab/policy/pi.bpf.o
hostile=/lab/policy/hostile.bpf.o
k=sched.slice.batch_us

policies() { homeostat --json policy show; }
# seat NAME MEMBER: of the policy of that name in a slot; fails when there is none
seat() { policies | leaf "slots[$1].$2"; }
seat_is() { [ "$(seat "$1" "$2")" = "$3" ]; }
no_seat() { ! seat "$1" slot >/dev/null; }
more() { [ "$(seat "$1" "$2")" -gt "$3" ]; }
# one in a slot, and no more
one() { [ "$(policies | grep -o '"taken":true' | wc -l)" -eq 1 ]; }
ending() { policies | leaf "endings[$1].end"; }
ending_is() { [ "$(ending "$1")" = "$2" ]; }
knob_cause() { [ "$(knob "$k" cause)" = "$1" ]; }
knob_is() { [ "$(knob "$k")" = "$1" ]; }
# how N [VALUE]: what hostile does from its next call on (enum how in its source)
how() {
	_program=$(seat hostile program)
	[ ! "$2" ] || policytool set "$_program" 1 "$2"
	policytool set "$_program" 0 "$1"
}
daemon_fds() { find "/proc/$hs_pid/fd" -mindepth 1 | wc -l; }
daemon_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$hs_pid/status"; }
no_program() { ! policytool has "$1"; }
# event TEXT: there is one
event() { homeostat events -n 200 | grep -Eq "$1"; }
