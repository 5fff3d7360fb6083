#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: policy_ends kernel=scx cpus=1
# limit: 400
#
# A policy that does everything wrong, under load: its knob never leaves its bounds, nor moves faster than it may; the pulse shuts the
# slot, says why, and the rules act again. A trip takes it away; and so does the death of the daemon, alone or with its guard.

# shellcheck disable=SC2317,SC2154  # functions that are passed by name; variables of those that are sourced
# shellcheck source=selftests/kernel/guarded.sh
. /lab/kernel/guarded.sh
# shellcheck source=selftests/kernel/policy_lib.sh
. /lab/kernel/policy_lib.sh

nothing=$(policytool count)
# what is turned so often would be frozen: an end of its own, for the last
sed 's/^freeze:.*/freeze: { turns: 60, window: 10s }/' "$profiles/balanced.yaml" >"$tmp/patient.yaml"
hs_act "$tmp/patient.yaml" || cannot 'homeostatd arms' "$(tail -n 1 "$hs_log")"
min=$(knob "$k" min) max=$(knob "$k" max)
# 2 ms of slice per ms (abi.h), for the time watched and one step of a pulse that comes late
far=$((2000 * 20))
before=$(policytool count) generation=$(status_leaf generation)
hog -t 4 -d 300 -o "$tmp/hogs" &
hogs=$!

# the knob is the profile's again, at its base or where a rule wants it
rules_act() { case $(knob "$k" cause) in profile | reflex) ;; *) return 1 ;; esac }

# act_up NAME HOW: it acts, watched, and then does that
act_up() {
	check "$1: it acts" homeostat policy load --full "$hostile"
	program=$(seat hostile program)
	how 1 3000
	check "$1: it has moved the knob" within 10 knob_is 3000
	policytool watch "$k" >"$tmp/watched" &
	watching=$!
	sleep 0.1 # it is watched for so long before
	how "$2"
}
# bounded NAME: what was watched
bounded() {
	kill -TERM "$watching" && wait "$watching"
	cat "$tmp/watched"
	# shellcheck disable=SC2046  # words
	set -- "$1" $(cat "$tmp/watched")
	at_least "$1: the knob was not below its bound" "$3" "$min"
	at_most "$1: nor above it" "$5" "$max"
	at_most "$1: nor faster than it may" "$7" "$far"
	at_least "$1: somebody looked" "$9" 50
}
# shut NAME END: by the pulse
shut() {
	check "$1: shut out" within 10 ending_is hostile "$2"
	check "$1: named in the events" within 5 event "plugin .*slot"
	check "$1: the rules act" within 10 rules_act
	check "$1: its program is gone" within 5 no_program "$program"
	bounded "$1"
	check "$1: armed all the while" hs_armed
}
# lives NAME: nothing that it may not do
lives() {
	calls=$(seat hostile calls)
	check "$1: it goes on" within 10 more hostile calls $((calls + 20))
	bounded "$1"
	check "$1: out" homeostat policy unload hostile
	check "$1: armed all the while" hs_armed
}

act_up rubbish 2
shut rubbish rubbish
says 'rubbish: which knob, which value' "rubbish, .*$k = 18446744073709551615" homeostat policy show hostile
act_up bounds 5
shut bounds rubbish

starvation=$(knob sched.starvation_ms)
act_up undeclared 3
lives undeclared
equals 'undeclared: that knob stays' "$(knob sched.starvation_ms)" "$starvation"
act_up scribble 4
sleep 1 # a hundred calls, of which none may show
homeostat --json vitals >"$tmp/vitals"
lives scribble
refuses 'scribble: the vital signs are whole' 1 grep -q 18446744073709551615 "$tmp/vitals"
act_up slow 6
calls=$(seat hostile calls)
check 'slow: as much work as it may have' within 10 more hostile calls $((calls + 20))
at_most 'slow: within its budget, ns' "$(seat hostile longest_ns)" 50000
lives slow
equals 'nothing of all of them is left' "$(policytool count)" "$before"
equals 'never tripped' "$(status_leaf generation)" "$generation"

# a trip
act_up trip 1
check 'trip' homeostat trip
check 'trip: it is gone' within 10 ending_is hostile tripped
check 'trip: its program, too' within 5 no_program "$program"
bounded trip
check 'trip: armed again' homeostat arm
check 'trip: armed again: by our scheduler' within 20 hs_armed
check 'trip: armed again: the rules act' within 10 rules_act
check 'trip: armed again: nobody is in a slot' no_seat hostile
# last, as nobody turns the knob any more
act_up swing 7
check 'swing: frozen' within 20 knob_cause frozen
lives swing
kill -TERM "$hogs"
wait "$hogs"

# deaths; what is frozen is so until the next arming
check 'disarm' homeostat disarm
check 'arm' homeostat arm
check 'arm: by our scheduler' within 20 hs_armed
act_up death 1
kill -TERM "$watching"
hs_kill
wait "$hs_pid"
hs_pid=
check 'death of the daemon: sched_ext is off' within 10 scx_is disabled
check 'death of the daemon: the program is gone' within 10 no_program "$program"
all_of_it() { [ "$(policytool count)" = "$nothing" ]; }
check 'death of the daemon: nothing is left' within 10 all_of_it

guarded
act_up guarded 1
kill -TERM "$watching"
kill -KILL "$hs_pid"
check 'death under the guard: nobody is left' within 20 all_gone
check 'death under the guard: the program is gone' within 10 no_program "$program"
check 'death under the guard: nothing is left' within 10 all_of_it
guarded
act_up everybody 1
kill -TERM "$watching"
kill -KILL "$restorer" "$guard" "$hs_pid"
check 'death of everybody: nobody is left' within 20 all_gone
check 'death of everybody: nothing is left' within 10 all_of_it
homeostat restore >/dev/null
hs_pid=
finish
