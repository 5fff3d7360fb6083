#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
#
# calm.sh PROFILE MINUTES EVERY LENGTH SEED: noisy load for so long, or until a trip: what "Am I helping?"
# made of it. Started by scripts/helping.

# shellcheck disable=SC2317,SC2034  # a function and a variable for noise.sh
# shellcheck source=selftests/lab/lib.sh
. /lab/lib.sh
# shellcheck source=selftests/lab/noise.sh
. /lab/noise.sh

profile=$1 minutes=$2 every=$3 length=$4 seed=$5
case $profile in
harmful) file=/lab/harmful.yaml ;;
*) file=$profile ;;
esac
hs_log=/dev/console
sleep 5
hs_start "$file" --mode act --log debug || exit 1
within 20 hs_armed || exit 1
armed_s=$(cut -d. -f1 /proc/uptime)

# told from a look at stock, while which the gate is shut, too
tripped() { [ "$(status_leaf tripped.reason 2>/dev/null || echo null)" != null ]; }
noise_until=tripped
noise "$minutes" "$seed" "$every" "$length"
tripped || within 60 hs_armed
armed=$?
homeostat status
reason=$(status_leaf tripped.reason 2>/dev/null || echo none)
vital=$(status_leaf tripped.vital 2>/dev/null || echo none)
trips=$(status_leaf incidents.trips)
at_s=$(homeostat events -n 200 | sed -n 's/^\[ *\([0-9]*\)\.[0-9]*\] trip .*/\1/p' | head -n 1)
record "\"load\":\"helping\",\"profile\":\"$profile\",\"minutes\":$((($(cut -d. -f1 /proc/uptime) - armed_s) / 60)),\"spells\":$((_n - seed)),\"noisy_s\":$noise_s,\"trips\":${trips:-null},\"reason\":\"$reason\",\"vital\":\"$vital\",\"after_s\":$((${at_s:-armed_s} - armed_s)),\"looks\":$(status_leaf helping.looks),\"acquitted\":$(status_leaf helping.acquitted),\"undecided\":$(status_leaf helping.undecided),\"armed\":$((!armed))"
hs_stop
[ "$armed" = 0 ] && [ "$trips" = 0 ]
