// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Memory: /proc/meminfo and /proc/vmstat. What the pulse counts (stalls of reclaim and compaction) is not here. */
#include <errno.h>

#include "sense.h"

/* The sum of the counters of s->text that there are of these two. 0, or negative errno: neither, or not a number. */
static int sum_of(const struct sense *s, const char *one, const char *other, __u64 *sum)
{
	__u64 a = 0, b = 0;
	int err_a = sense_key(s->text, one, &a), err_b = sense_key(s->text, other, &b);

	*sum = a + b;
	if (err_a == -EINVAL || err_b == -EINVAL)
		return -EINVAL;
	return err_a && err_b ? err_a : 0;
}

static void have(struct sense *s)
{
	__u64 total, available, pool, free, promised;

	if (sense_text(s, "/proc/meminfo"))
		return;
	if (!sense_key(s->text, "MemTotal:", &total) &&
	    !sense_key(s->text, "MemAvailable:", &available))
		sense_share(s, HS_VITAL_MEM_AVAILABLE, available, total);
	if (!sense_key(s->text, "HugePages_Total:", &pool) && pool &&
	    !sense_key(s->text, "HugePages_Free:", &free) &&
	    !sense_key(s->text, "HugePages_Rsvd:", &promised))
		sense_enter(s, HS_VITAL_MEM_HUGE_FREE, free > promised ? free - promised : 0);
}

static void count(struct sense *s)
{
	__u64 value, limit, hit, miss, hits, misses;
	bool known;

	if (!sum_of(s, "nr_dirty", "nr_writeback", &value) &&
	    !sense_key(s->text, "nr_dirty_threshold", &limit))
		sense_share(s, HS_VITAL_MEM_DIRTY, value, limit);
	if (!sum_of(s, "pswpin", "pswpout", &value))
		sense_rate(s, HS_VITAL_MEM_SWAP, &s->memory.swap, value);
	if (!sum_of(s, "workingset_refault_anon", "workingset_refault_file", &value))
		sense_rate(s, HS_VITAL_MEM_REFAULTS, &s->memory.refaults, value);
	if (!sense_key(s->text, "oom_kill", &value)) {
		sense_increase(&s->memory.oom_kills, value, &value);
		s->memory.oom_total += value;
		sense_enter(s, HS_VITAL_MEM_OOM_KILLS, s->memory.oom_total);
	}
	if (!sense_key(s->text, "numa_hit", &hit) && !sense_key(s->text, "numa_miss", &miss)) {
		known = sense_increase(&s->memory.numa_hit, hit, &hits);
		known &= sense_increase(&s->memory.numa_miss, miss, &misses);
		if (known)
			sense_share(s, HS_VITAL_NUMA_MISS, misses, hits + misses);
	}
}

int sense_memory(struct sense *s)
{
	have(s);
	if (!sense_text(s, "/proc/vmstat"))
		count(s);
	return 0;
}
