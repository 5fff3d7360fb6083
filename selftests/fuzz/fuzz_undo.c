// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The image of an undo table, as a crash or a hostile hand might leave it: judged without a step outside,
 * and when it is replayed all the same, nothing outside of /proc/sys, /sys and the settings of cards below the root is touched.
 * Most inputs are made of a good table, so that they come far: byte pairs (where, what) are laid over it.
 */
#include "fuzz.h"

#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "undo.h"

static char root[64];

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void remove_root(void)
{
	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *path, const char *text)
{
	char full[256];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	f = fopen(full, "we");
	promise(f && fputs(text, f) >= 0 && !fclose(f));
}

static void has(const char *path, const char *text)
{
	char full[256], line[64] = "";
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	f = fopen(full, "re");
	promise(f && fgets(line, sizeof(line), f) && !fclose(f));
	promise(!strcmp(line, text));
}

static void make_root(void)
{
	if (root[0])
		return;
	strcpy(root, "/tmp/homeostat-fuzz-XXXXXX");
	promise(mkdtemp(root));
	atexit(remove_root);
	put("/secret", "kept\n");
	put("/proc/secret", "kept\n");
	put("/etc/secret", "kept\n");
}

static void good_table(struct undo_table *t)
{
	memset(t, 0, sizeof(*t));
	t->magic = UNDO_MAGIC;
	t->version = UNDO_VERSION;
	strcpy(t->boot_id, "0123");
	promise(undo_enter(t, root, 0, "/proc/sys/vm/a", "2") >= 0);
	put("/proc/sys/vm/a", "2\n");
	undo_wrote(t, root, 0);
	promise(undo_enter(t, root, 0, "/sys/b", "never") >= 0);
	promise(undo_enter(t, root, 0, "ethtool:eth0/rings/rx", "512") >= 0);
	promise(!undo_set_hook(t, "/bin/hook", 100));
	undo_set_reason(t, "heartbeat");
}

int FUZZ_TARGET(undo)(const uint8_t *data, size_t size)
{
	static struct undo_table t;
	uint8_t *bytes = (uint8_t *)&t;
	int nr;

	if (!size)
		return -1;
	make_root();
	put("/proc/sys/vm/a", "1\n");
	put("/sys/b", "always [madvise] never\n");
	put("/ethtool:eth0/rings/rx", "256\n");
	good_table(&t);
	if (data[0] & 1) { /* as it is: header, and as much of the entries as there is */
		memcpy(&t, data + 1, size - 1 < sizeof(t) ? size - 1 : sizeof(t));
	} else {
		for (size_t i = 1; i + 3 <= size; i += 3)
			bytes[(data[i] << 8 | data[i + 1]) % sizeof(t)] = data[i + 2];
	}
	nr = undo_check(&t, sizeof(t));
	promise(nr <= UNDO_ENTRIES);
	undo_check(&t, size < sizeof(t) ? size : sizeof(t));
	nr = undo_replay(&t, root, NULL, NULL);
	promise(nr <= UNDO_ENTRIES);
	has("/secret", "kept\n");
	has("/proc/secret", "kept\n");
	has("/etc/secret", "kept\n");
	return 0;
}
