// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What of the undo table is about the operator's hook, and the trip that it is to be told of. */
#include "undo.h"

#include <errno.h>
#include <string.h>

#include "names.h"

#define publish(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

int undo_set_hook(struct undo_table *table, const char *path, __u32 limit_ms)
{
	if (path && strlen(path) >= sizeof(table->hook))
		return -ENAMETOOLONG;
	/* half a path must never be run: whoever reads meanwhile, or before and after, sees it by the number */
	publish(&table->hook_seq, table->hook_seq | 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	strcpy(table->hook, path ? path : "");
	table->hook_limit_ms = table->hook[0] ? limit_ms : 0;
	publish(&table->hook_seq, table->hook_seq + 1);
	return 0;
}

__u32 undo_get_hook(const struct undo_table *table, char path[UNDO_HOOK_LEN],
		    char reason[UNDO_REASON_LEN])
{
	__u32 seq = __atomic_load_n(&table->hook_seq, __ATOMIC_ACQUIRE);
	__u32 limit_ms = table->hook_limit_ms;

	memcpy(path, table->hook, UNDO_HOOK_LEN);
	memcpy(reason, table->reason, UNDO_REASON_LEN);
	path[UNDO_HOOK_LEN - 1] = reason[UNDO_REASON_LEN - 1] = '\0';
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return seq & 1 || seq != __atomic_load_n(&table->hook_seq, __ATOMIC_RELAXED) ? 0 : limit_ms;
}

/* What a program is told: cut, and without what a shell or a terminal would take for its own. */
static void tell(char told[UNDO_REASON_LEN], const char *text)
{
	size_t i = 0;

	for (; text[i] && i < UNDO_REASON_LEN - 1; i++)
		told[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
	told[i] = '\0';
}

void undo_set_reason(struct undo_table *table, const char *text)
{
	tell(table->reason, text);
	publish(&table->hook_due, 1);
}

__u32 undo_ask_job(struct undo_table *table, const char *path, __u32 limit_ms, const char *text)
{
	struct undo_job *job = &table->job;
	__u32 number = job->asked + 1 ? job->asked + 1 : 1;

	if (strlen(path) >= sizeof(job->path))
		return 0;
	strcpy(job->path, path);
	tell(job->text, text);
	job->limit_ms = limit_ms;
	publish(&job->asked, number);
	return number;
}

bool undo_job_done(const struct undo_table *table, __u32 number, int *code)
{
	if (__atomic_load_n(&table->job.done, __ATOMIC_ACQUIRE) != number)
		return false;
	*code = table->job.code;
	return true;
}

__u32 undo_take_job(struct undo_table *table, struct undo_job *job)
{
	__u32 number = __atomic_load_n(&table->job.asked, __ATOMIC_ACQUIRE);

	if (number == table->job.taken)
		return 0;
	*job = table->job;
	job->path[sizeof(job->path) - 1] = job->text[sizeof(job->text) - 1] = '\0';
	table->job.taken = number;
	return number;
}

void undo_end_job(struct undo_table *table, __u32 number, int code)
{
	table->job.code = code;
	publish(&table->job.done, number);
}

__u64 undo_hooks_ms(const struct undo_table *table)
{
	return 3ULL * table->hook_limit_ms + table->job.limit_ms;
}

void undo_keep_trip(struct undo_table *table, const struct hs_gate *gate)
{
	table->trip = (struct undo_trip){
		.trip_ns = gate->trip_ns,
		.reason = gate->trip_reason,
		.vital = gate->trip_vital,
		.value = gate->trip_value,
		.limit = gate->trip_limit,
	};
	undo_set_reason(table, trip_name(gate->trip_reason));
}
