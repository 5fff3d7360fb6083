// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The time of day stands still for QEMU, by LD_PRELOAD. It sizes its translation cache (TLB) by how much of it was used
 * in the last 100 ms of the host's time of day: so a slow host has another one than a fast host, entries leave it at
 * other moments, and the guest can see that, as on a real processor (a page is found to have been used, or not). All
 * else that needs time asks clock_gettime(), and the guest's own clock counts instructions.
 */
#include <sys/time.h>

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	(void)tz;
	tv->tv_sec = 1767225600; /* 2026-01-01, as the guest's */
	tv->tv_usec = 0;
	return 0;
}
