# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# shellcheck shell=dash
#
# shellcheck disable=SC2154 # profiles, tmp, hs_log: lib.sh; id: proposals.sh
#
# What a parameter does, before and after homeostat has changed it.

# shellcheck source=selftests/kernel/proposals.sh
. /lab/kernel/proposals.sh

effects=0

# effects_begin: a daemon that makes what a person approves
effects_begin() {
	{
		cat "$profiles/balanced.yaml"
		echo 'changes: { maintenance: "Sun,Mon,Tue,Wed,Thu,Fri,Sat 00:00-24:00" }'
	} >"$tmp/effects.yaml"
	hs_start "$tmp/effects.yaml" || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
	homeostat mode advise >/dev/null
	homeostat activity idle
}

committed() { case $(state "$1") in committed | confirm) ;; *) return 1 ;; esac; }

# effect PARAMETERS VALUES UNIT HOW MEASURE less|more: VALUES has one word for each parameter, or is that of the only one. HOW goes
# on after the unit: what is measured, of what
effect() {
	_names=$1 _values=$2 _unit=$3 _how=$4 _measure=$5 _way=$6
	_proposals=
	for _name in $_names; do
		_value=$_values
		case $_names in *' '*) _value=${_values%% *} _values=${_values#* } ;; esac
		_proposals="$_proposals,{\"parameter\":\"$_name\",\"value\":\"$_value\",\"reason\":\"to see its effect\",\"timing\":\"immediate\"}"
	done
	_before=$($_measure)
	sleep 3 # what was measured is over: what is seen from then on is not of it (virtual time)
	if ! propose_all person "${_proposals#,}"; then
		not_ok "$_names" "$(cat "$tmp/answer")"
		return
	fi
	homeostat approve "$id" >/dev/null
	sleep 12 # so long it is watched (virtual time)
	if ! within 60 committed "$id"; then
		not_ok "$_names" "$(homeostat changes | head -n 3 | tr '\n' ' ')"
		return
	fi
	homeostat confirm "$id" >/dev/null 2>&1 || true
	_after=$($_measure)
	helped "$_names" "$id" "$_unit" "$_how" "$_before" "$_after"
	case $_way in
	less)
		at_least "$_names: $_unit $_how, before" "$_before" 1 # or there is nothing to be less
		at_most "$_names: $_unit $_how: $_before before" "$_after" "$(awk "BEGIN { print $_before * 0.7 }")"
		;;
	more) at_least "$_names: $_unit $_how: $_before before" "$_after" "$(awk "BEGIN { print $_before * 1.3 + 0.001 }")" ;;
	esac
	effects=$((effects + 1))
}

# effects_end COUNT: so many were looked at; all are put back
effects_end() {
	at_least 'parameters that were looked at' "$effects" "$1"
	check 'all of them are put back' homeostat restore --all
	equals 'nothing is left to put back' "$(homeostat restore --all)" 'nothing to put back'
	hs_stop
}
