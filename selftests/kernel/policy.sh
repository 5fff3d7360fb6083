#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: policy kernel=scx cpus=1
# limit: 400
#
# Policy plug-ins by the real daemon and the CLI: who may, shadow, full, out again, both slots, canary.

# shellcheck disable=SC2317,SC2154  # functions that are passed by name; variables of policy_lib.sh
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh
# shellcheck source=selftests/kernel/policy_lib.sh
. /lab/kernel/policy_lib.sh

nothing=$(policytool count)
hs_act balanced || cannot 'homeostatd arms' "$(tail -n 1 "$hs_log")"
base=$(knob "$k")

# who may
as() { _user=$1; shift; setpriv --reuid 65534 --regid "$_user" --clear-groups homeostat "$@"; }
check 'the group may look' as 900 policy show
refuses 'the group may not load' 4 as 900 policy load "$pi"
refuses 'the group may not unload' 4 as 900 policy unload pi
says 'nothing is in a slot' 'no policy is in a slot' homeostat policy show
refuses 'unload: nothing is there' 4 homeostat policy unload pi
refuses 'no such object' 1 homeostat policy load /lab/policy/no.bpf.o
echo rubbish >"$tmp/rubbish.bpf.o"
refuses 'no object' 5 homeostat policy load "$tmp/rubbish.bpf.o"

before=$(policytool count) fds=$(daemon_fds)

# shadow: asked, and told of; nothing is done
check 'shadow' homeostat policy load "$hostile"
how 1 3000
check 'shadow: it is called' within 10 more hostile calls 2
check 'shadow: an event tells what it wishes' within 10 event "advice.*$k"
equals 'shadow: the knob stays' "$(knob "$k")" "$base"
equals 'shadow: it has not acted' "$(seat hostile acted)" 0
equals 'shadow: what it wishes is shown' "$(policies | leaf "slots[hostile].turns[$k].wished")" 3000
says 'shadow: status has nothing of it' '^gate' homeostat status
check 'the same in full takes its place' homeostat policy load --full "$hostile"
check 'the one in shadow is gone' within 10 one
how 1 3000
check 'full: the knob follows' within 10 knob_is 3000
check 'full: by the plug-in' knob_cause plugin
says 'full: status says who acts' '^policy +hostile .*full' homeostat status
says 'full: explained' 'policy hostile moved it' homeostat explain "$k"
check 'unload' homeostat policy unload hostile
check 'unload: the knob is at its base' within 10 knob_is "$base"
check 'unload: it is out of its slot' no_seat hostile
equals 'unload: remembered' "$(ending hostile)" unloaded
equals 'nothing is left of them in the kernel' "$(policytool count)" "$before"
equals 'nor in the daemon' "$(daemon_fds)" "$fds"

# what one keeps it hands on to the next one of its name
table=/lab/policy/table.bpf.o
counted() { policytool state "$(seat table program)" | awk '{ print $1; exit }'; }
many() { [ "$(counted)" -gt 50 ]; }
check 'state: one that counts' homeostat policy load "$table"
check 'state: it counts' within 20 many
check 'state: it follows itself' homeostat policy load "$table"
check 'state: the one before is gone' within 10 one
at_least 'state: it goes on where the one before was' "$(counted)" 51
check 'state: it goes' homeostat policy unload table
check 'state: it is gone' within 10 no_seat table

# both slots
check 'one in shadow' homeostat policy load "$hostile"
check 'one in full' homeostat policy load --full "$pi"
refuses 'a third one finds no slot' 4 homeostat policy load "$pi"
check 'one is taken out by its slot' homeostat policy unload "$(seat hostile slot)"
says 'another one follows in full, from its state' 'with the state of the one before' homeostat policy load --full "$pi"
check 'the first is gone' within 10 one
equals 'the first is gone: replaced' "$(ending pi)" replaced

# canary: pi stands by, and comes again if it is not good
acts_again() { seat_is pi as full && no_seat hostile; }
refuses 'canary: no hour has been looked at yet' 4 homeostat policy load --canary 1h "$hostile"
sleep 5 # a canary is compared with what was before it
check 'canary' homeostat policy load --canary 3s "$hostile"
how 1 3000
check 'canary: it acts' within 10 knob_is 3000
equals 'canary: the one before waits' "$(seat pi as)" waits
refuses 'canary: no other one acts meanwhile' 4 homeostat policy load --full "$pi"
check 'canary: nothing is worse, it acts on' within 20 seat_is hostile as full
check 'canary: an event' within 5 event 'canary no more'
check 'canary: the one before is gone' within 5 one

homeostat policy load --full "$pi" >"$tmp/loaded"
refuses 'no state where none is kept' 1 grep 'state of the one before' "$tmp/loaded"
check 'canary: one out of the other is gone' within 10 one
check 'canary that writes rubbish' homeostat policy load --canary 3s "$hostile"
how 2
check 'canary that writes rubbish: the one before acts' within 10 acts_again
equals 'canary that writes rubbish: shut by the pulse' "$(ending hostile)" rubbish

sleep 5 # a canary is compared with what was before it
check 'canary that is worse' homeostat policy load --canary 10s "$hostile"
how 1 3000
hog -t 8 -d 20 -o "$tmp/hogs" &
check 'canary that is worse: the one before acts' within 30 acts_again
equals 'canary that is worse: reverted' "$(ending hostile)" reverted
says 'canary that is worse: with figures' 'reverted, .* went from .* to ' homeostat policy show hostile
check 'canary that is worse: in the log' grep -q 'policy hostile .* went from' "$hs_log"
wait $!
check 'unload' homeostat policy unload pi
check 'disarm' homeostat disarm
refuses 'canary: only while armed' 4 homeostat policy load --canary 3s "$hostile"
says 'disarmed: loaded, but nobody asks it' 'nobody asks it' homeostat policy load --full "$hostile"
check 'advise' homeostat mode advise
value=$(knob "$k")
how 1 3000
check 'advise: it is asked' within 10 more hostile acted 2
equals 'advise: it is heard' "$(policies | leaf "slots[hostile].turns[$k].wished")" 3000
equals 'advise: the knob stays' "$(knob "$k")" "$value"
fds=$(daemon_fds)
check 'a profile leaves it where it is' homeostat profile load "$profiles/edge.yaml"
check 'a profile leaves it where it is: asked' within 10 more hostile acted $(($(seat hostile acted) + 2))
equals 'and its descriptors' "$(daemon_fds)" "$fds"
says 'list: the slots' '^ *[01]  hostile  full' homeostat policy list --dir /lab/policy
says 'list: the objects' '^pi +/lab/policy/pi.bpf.o +holds the wait' homeostat policy list --dir /lab/policy
check 'the end of the daemon' hs_stop
all_of_it() { [ "$(policytool count)" = "$nothing" ]; }
check 'nothing is left in the kernel' within 10 all_of_it
finish
