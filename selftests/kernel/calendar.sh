#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: calendar kernel=scx cpus=1
# limit: 240
#
# Profiles that take turns by a calendar. The guest's clock is set; 2026-01-05 is a Monday, and there is no /etc/localtime: UTC.

# shellcheck disable=SC2317  # functions that are called through check
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

sed 's/^name: .*/name: trading/' "$profiles/balanced.yaml" >"$tmp/trading.yaml"
{
	cat "$profiles/balanced.yaml"
	printf 'calendar:\n  - { when: "Mon 08:00-17:30", profile: trading.yaml }\n'
} >"$tmp/day.yaml"
set_clock() { /bin/date -u -s "$1" >/dev/null; }
profile_is() { [ "$(status_leaf profile)" = "$1" ]; }
state_is() { [ "$(homeostat changes | awk -v id="$1" '$1 == id { print $2; exit }')" = "$2" ]; }
logged() { grep -Eq -- "$1" "$hs_log"; }

set_clock '2026-01-05 07:59:30'
hs_start "$tmp/day.yaml" --mode advise || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
set_clock '2026-01-05 07:59:30' # wherever loading has brought it
equals 'before the session: the one that was loaded' "$(status_leaf profile)" balanced
says 'until when' 'profile .*balanced until Mon 05 Jan 08:00' homeostat status
homeostat activity mission
due() { homeostat status | grep -q 'another is due'; }
check 'the session has begun, and status says so' within 60 due
equals 'on a mission none is changed' "$(status_leaf profile)" balanced
homeostat activity unknown
check 'the session has begun' within 10 profile_is trading
says 'which, and until when' 'trading .shift 1 of .*day.yaml. until Mon 05 Jan 17:30' homeostat status
says 'it is an event' 'another profile is in force: shift 1' homeostat events
twice() { [ "$(grep -c 'profile trading is in force' "$hs_log")" -eq 2 ]; }
kill -HUP "$hs_pid"
check 'a reload keeps to the calendar' within 10 twice
equals 'and to the one whose turn it is' "$(status_leaf profile)" trading
ask -j '{"verb":"propose","source":"person","proposals":[{"parameter":"net.core.somaxconn","value":"256","reason":"a test"}]}' >"$tmp/answer"
id=$(field id <"$tmp/answer")
homeostat approve "$id" >/dev/null
check 'something is under watch' within 20 state_is "$id" watched
set_clock '2026-01-05 17:30:01'
sleep 5 # it would have been changed by now (virtual time)
equals 'while it is watched none is changed' "$(status_leaf profile)" trading
check 'after that the session is over' within 40 profile_is balanced
# the one of the next turn is broken: the running one stays
echo 'nonsense: 1' >>"$tmp/trading.yaml"
set_clock '2026-01-12 08:00:01'
check 'the next one is refused' within 10 logged 'trading.yaml:.*nonsense'
equals 'and the running one stays' "$(status_leaf profile)" balanced
refuses 'a profile of which a turn is broken is refused whole' 1 homeostatd --check --profile "$tmp/day.yaml"
hs_stop
finish
