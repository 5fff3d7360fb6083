#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# shellcheck shell=dash
#
# Normal noisy load: every now and then some neighbours, each time others, and then silence, which costs
# nothing in virtual time. Says what it starts. Sourced.

# spell SECONDS N: the Nth kind of neighbours, for so long; N beyond them begins anew
spell() {
	_s=$1
	case $(($2 % 8)) in
	0) # batch beside something periodic
		hog -t 4 -d "$_s" >/dev/null &
		_jobs=$!
		probe -d "$_s" >/dev/null &
		;;
	1) # messages
		stress-ng --cpu 1 --pipe 1 --switch 1 --timeout "$_s" >/dev/null 2>&1 &
		_jobs=$!
		hackbench_for "$_s" &
		;;
	2) # forks, memory, timers
		stress-ng --fork 1 --vm 1 --vm-bytes 16M --timer 1 --timeout "$_s" >/dev/null 2>&1 &
		_jobs=$!
		probe -d "$_s" >/dev/null &
		;;
	3) # what tries to look interactive
		interactive -d "$_s" >/dev/null &
		_jobs=$!
		sleephog -d "$_s" >/dev/null &
		_jobs="$_jobs $!"
		hog -t 2 -d "$_s" >/dev/null &
		;;
	4) # hogs that come one after the other, and go
		hog -t 1 -d "$_s" >/dev/null &
		_jobs=$!
		(
			sleep $((_s / 3))
			hog -t 6 -d $((_s / 3)) >/dev/null
		) &
		_jobs="$_jobs $!"
		audio -d "$_s" >/dev/null &
		;;
	5) # a crowd
		hackbench_for "$_s" &
		_jobs=$!
		hog -t 3 -d "$_s" >/dev/null &
		;;
	6) # requests and a pipeline beside batch
		pipeline -d "$_s" >/dev/null &
		_jobs=$!
		reqrep -d "$_s" >/dev/null &
		_jobs="$_jobs $!"
		stress-ng --cpu 2 --timeout "$_s" >/dev/null 2>&1 &
		;;
	*) # a step from nothing to a lot
		sleep $((_s / 2))
		hog -t 12 -d $((_s / 2)) >/dev/null &
		_jobs=
		probe -d $((_s / 2)) >/dev/null &
		;;
	esac
	_jobs="$_jobs $!"
	# shellcheck disable=SC2086  # several of them
	wait $_jobs
}

hackbench_for() {
	_end=$(($(cut -d. -f1 /proc/uptime) + $1))
	while [ "$(cut -d. -f1 /proc/uptime)" -lt "$_end" ]; do
		hackbench -l 100 -g 1 -f 4 >/dev/null 2>&1
	done
}

# noise MINUTES SEED [EVERY [LENGTH]]: every EVERY seconds (60) a spell of LENGTH (14) to twice as many
# seconds, until COMMAND in $noise_until succeeds, if there is one
noise() {
	_n=$2 _every=${3:-60} _length=${4:-14} _stop=$(($(cut -d. -f1 /proc/uptime) + $1 * 60))
	noise_s=0
	while [ "$(cut -d. -f1 /proc/uptime)" -lt $_stop ]; do
		_begin=$(cut -d. -f1 /proc/uptime)
		_this=$((_length + _n * 5 % 7 * _length / 7))
		echo "noise: $_n at $_begin s for $_this s"
		spell $_this "$_n"
		noise_s=$((noise_s + _this))
		_n=$((_n + 1))
		! ${noise_until:-false} || return 0
		_left=$((_begin + _every - $(cut -d. -f1 /proc/uptime)))
		[ $_left -le 0 ] || sleep $_left
	done
}
