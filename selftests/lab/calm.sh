#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
#
# calm.sh PROFILE MINUTES EVERY SEED: noisy load for so long, and how often the profile tripped. Started
# by scripts/helping.

# shellcheck source=selftests/lab/lib.sh
. /lab/lib.sh
# shellcheck source=selftests/lab/noise.sh
. /lab/noise.sh

profile=$1 minutes=$2 every=$3 seed=$4
hs_log=/dev/console
sleep 5
hs_start "$profile" --mode act --log debug || exit 1
within 20 hs_armed || exit 1
noise "$minutes" "$seed" "$every"
within 20 hs_armed
armed=$?
homeostat status
trips=$(status_leaf incidents.trips)
looks=$(status_leaf helping.looks)
record "\"profile\":\"$profile\",\"virtual_minutes\":$minutes,\"spells\":$((_n - seed)),\"trips\":${trips:-null},\"looks\":${looks:-null},\"acquitted\":$(status_leaf helping.acquitted),\"undecided\":$(status_leaf helping.undecided),\"armed\":$((!armed))"
hs_stop
[ "$armed" = 0 ] && [ "$trips" = 0 ]
