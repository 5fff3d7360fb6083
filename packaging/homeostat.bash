# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# shellcheck shell=bash
#
# Completion for homeostat(8). Installed as /usr/share/bash-completion/completions/homeostat.
# The names come from the program itself (`homeostat complete`), so they fit its version.

_homeostat() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb='' at=0 words='' i

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--socket) ((i++)) ;;
		-*) ;;
		*)
			verb=${COMP_WORDS[i]} at=$i
			break
			;;
		esac
	done

	case $prev in
	--socket | --btf)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--root | --state)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	esac

	case $verb in
	'' | help) words=$("$1" complete verbs 2>/dev/null) ;;
	knobs) words=$("$1" complete knobs 2>/dev/null) ;;
	explain | wish) [[ $prev != "$verb" ]] || words=$("$1" complete knobs 2>/dev/null) ;;
	vitals) words="$("$1" complete vitals 2>/dev/null) --cpus" ;;
	mode) words=$("$1" complete modes 2>/dev/null) ;;
	report) [[ $prev != "$verb" ]] || words=$("$1" complete reports 2>/dev/null) ;;
	workloads) words=--tasks ;;
	events) words='-f --follow -n' ;;
	top) words=-d ;;
	incidents) words=--state ;;
	incident) words="$("$1" complete incidents 2>/dev/null) --state" ;;
	doctor) words='--root --btf' ;;
	restore) words=--root ;;
	profile)
		if ((COMP_CWORD == at + 1)); then
			words='check show load'
		elif [[ $prev == check || $prev == load ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
		fi
		;;
	esac
	[[ $verb != wish || $prev == wish ]] || words+=' --clear'
	[[ $cur != -* ]] || words+=' --json --socket --help'
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _homeostat homeostat
