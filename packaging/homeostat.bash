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
	--socket | --btf | --kb | --db | --file | --out | --profile | --manifest | -o)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--root | --state | --include)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	esac

	case $verb in
	'' | help) words=$("$1" complete verbs 2>/dev/null) ;;
	knobs) words=$("$1" complete knobs 2>/dev/null) ;;
	wish) [[ $prev != "$verb" ]] || words=$("$1" complete knobs 2>/dev/null) ;;
	explain) words="$("$1" complete knobs 2>/dev/null) $("$1" complete parameters 2>/dev/null) --db --file --root" ;;
	history) words="$("$1" complete parameters 2>/dev/null) --since --db" ;;
	diff) words='--check --file --root' ;;
	snapshot) words='--yaml --file --root' ;;
	vitals) words="$("$1" complete vitals 2>/dev/null) --cpus" ;;
	boot)
		if ((COMP_CWORD == at + 1)); then
			words='stage show check keep cancel revert'
		elif [[ $cur == -* ]]; then
			words='--keep --kb --root'
		elif [[ ${COMP_WORDS[at + 1]} == stage ]]; then
			words=$("$1" complete boot 2>/dev/null)
			compopt -o nospace 2>/dev/null
		fi
		;;
	policy)
		if ((COMP_CWORD == at + 1)); then
			words='new build check link replay load unload list show'
		elif [[ $cur == -* ]]; then
			case ${COMP_WORDS[at + 1]} in
			build) words='-o --test --include' ;;
			link) words='-o --include --lib' ;;
			check) words=--verbose ;;
			load) words='--shadow --canary --full' ;;
			list) words=--dir ;;
			esac
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
		fi
		;;
	kb) [[ $prev != "$verb" ]] || words='list show check' ;;
	apply)
		if [[ $prev == --source ]]; then
			words='person rules model'
		elif [[ $cur == -* ]]; then
			words='--check --source --kb --root'
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
		fi
		;;
	irqs) words='--cpus --cpu' ;;
	mode) words=$("$1" complete modes 2>/dev/null) ;;
	report) words="$([[ $prev != "$verb" ]] || "$1" complete reports 2>/dev/null) --5m --1h --6h --day --week --markdown --db" ;;
	workloads) words=--tasks ;;
	events) words='-f --follow -n' ;;
	top) words=-d ;;
	incidents) words=--state ;;
	incident) words="$("$1" complete incidents 2>/dev/null) --state" ;;
	doctor) words='--root --btf' ;;
	restore) words='--all --since --id --root' ;;
	certify)
		if [[ $cur == -* ]]; then
			words='--out --profile --kb'
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
		fi
		;;
	record) words='--out --for --all' ;;
	replay)
		[[ $cur != -* ]] || words=--manifest
		[[ $cur == -* ]] || { mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return; }
		;;
	activity) words='busy idle mission unknown' ;;
	reject) words=--why ;;
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
