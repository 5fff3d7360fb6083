/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* An undo table over a tree of files: for test_undo.c and test_undo_commit.c. */
#ifndef HOMEOSTAT_UNDO_FIXTURE_H
#define HOMEOSTAT_UNDO_FIXTURE_H

#include "fixture.h"

#include "change.h"
#include "parse.h"
#include "place.h"
#include "undo.h"

#define BOOT "11111111-2222-3333-4444-555555555555"
#define SWAPPINESS "/proc/sys/vm/swappiness"
#define DIRTY "/proc/sys/vm/dirty_ratio"
#define THP "/sys/kernel/mm/transparent_hugepage/enabled"

static char root[64], dir[80], file[96];
static struct undo undo;

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	snprintf(dir, sizeof(dir), "%s/run", root);
	snprintf(file, sizeof(file), "%s/" UNDO_FILE, dir);
	tree_put(root, "/proc/sys/kernel/random/boot_id", BOOT "\n");
	tree_put(root, SWAPPINESS, "60\n");
	tree_put(root, "/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
	tree_put(root, THP, "always [madvise] never\n");
	return undo_open(&undo, dir, root, true);
}

static int teardown(void **state)
{
	(void)state;
	undo_close(&undo);
	tree_free(root);
	return 0;
}

static int __attribute__((unused)) reopen(bool create)
{
	undo_close(&undo);
	return undo_open(&undo, dir, root, create);
}

static void __attribute__((unused)) holds(const char *path, const char *value)
{
	char now[256];

	assert_true(read_file(root, path, now, sizeof(now)) >= 0);
	assert_string_equal(now, value);
}

static int outcomes[UNDO_FAILED + 1];
static char order[4096];

static void note(void *ctx, const struct undo_entry *e, enum undo_outcome outcome, int err)
{
	assert_ptr_equal(ctx, &undo);
	assert_int_equal(outcome == UNDO_FAILED, err < 0);
	outcomes[outcome]++;
	strcat(order, e->old);
	strcat(order, ";");
}

static int __attribute__((unused)) replay(void)
{
	memset(outcomes, 0, sizeof(outcomes));
	order[0] = '\0';
	return undo_replay(undo.table, root, note, &undo);
}

static int __attribute__((unused)) live(void)
{
	return undo_check(undo.table, sizeof(*undo.table));
}

#endif
