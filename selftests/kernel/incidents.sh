# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# shellcheck shell=dash
#
# For tests of what follows a trip. Each start of the daemon costs some seconds of real time, and minutes
# on a busy machine (the verifier), so the tests are spread over boots.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

state=$tmp/state
# incident [LEAF]: of the newest record
incident() { homeostat --json incident --state "$state" | leaf "$1"; }
incidents() { homeostat --json incidents --state "$state" | jflat | grep -c '\.reason '; }
recorded() { [ "$(incidents)" -eq "$1" ] && [ "$(incident reason)" = "$2" ]; }
tripped_by() { [ "$(status_leaf tripped.reason)" = "$1" ]; }
rearm_is() { [ "$(status_leaf rearm.state)" = "$1" ]; }
nothing_waits() { [ "$(status_leaf rearm)" = null ]; }
# a minute's pause, but for those who cannot wait
sed '/^trip:/d' "$profiles/balanced.yaml" >"$tmp/hand.yaml"
cp "$tmp/hand.yaml" "$tmp/again.yaml"
echo 'trip: { rearm: 3s, rearm_max: 10s, trips: 3, window: 1h }' >>"$tmp/again.yaml"
echo 'trip: { trips: 3, window: 1h }' >>"$tmp/hand.yaml"
