/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * A file layer of SQLite, in memory, that keeps apart what is on the disk and what has only been written: test_history_power.c. It may be told at
 * which write, sync, truncation or deletion the power goes.
 */
#ifndef HOMEOSTAT_TEST_POWER_LAYER_H
#define HOMEOSTAT_TEST_POWER_LAYER_H

#include "fixture.h"

#include <sqlite3.h>

#define SECTOR 512
#define FILES_MAX 8
#define NAME_LEN 64

struct image {
	unsigned char *data;
	size_t len, room;
	bool there;
};

/* A write or truncation that is on its way; data NULL: to `at` bytes. */
struct pending {
	struct pending *next;
	unsigned char *data;
	size_t at, len;
};

struct disk_file {
	char name[NAME_LEN];
	struct image now, kept;		/* as it is read, and what the disk has */
	struct pending *pending, *last; /* in their order */
	bool sync_names; /* its first sync is also one of the directory, as in SQLite's own layer */
};

static struct disk_file disk[FILES_MAX];
static unsigned long operations, cut_at; /* cut_at 0: never */
static unsigned int seed, dice;
static bool dark;
static bool lying; /* says that it has synced, and has not */

struct handle {
	sqlite3_file base;
	struct disk_file *file;
	bool goes; /* deleted when it is closed */
};

static unsigned int roll(void)
{
	dice = dice * 1103515245 + 12345;
	return dice >> 16;
}

static void grow(struct image *image, size_t len)
{
	if (len <= image->len)
		return;
	if (len > image->room) {
		image->room = (len | 0xffff) + 1;
		image->data = realloc(image->data, image->room);
		assert_non_null(image->data);
	}
	memset(image->data + image->len, seed ? (int)(roll() & 0xff) : 0, len - image->len);
	image->len = len;
}

static void put(struct image *image, const unsigned char *data, size_t at, size_t len)
{
	if (!len)
		return;
	grow(image, at + len);
	memcpy(image->data + at, data, len);
}

static void shrink(struct image *image, size_t len)
{
	if (len < image->len)
		image->len = len;
}

static void forget_pending(struct disk_file *f)
{
	while (f->pending) {
		struct pending *p = f->pending;

		f->pending = p->next;
		free(p->data);
		free(p);
	}
}

/* All that was on its way arrives, in its order. */
static void sync_data(struct disk_file *f)
{
	for (struct pending *p = f->pending; p; p = p->next)
		if (p->data)
			put(&f->kept, p->data, p->at, p->len);
		else
			shrink(&f->kept, p->at);
	forget_pending(f);
}

static void sync_names(void)
{
	for (int i = 0; i < FILES_MAX; i++)
		disk[i].kept.there = disk[i].now.there;
}

/* Some of what was on its way arrives: sector by sector, the later write not always the last. */
static void land(struct disk_file *f)
{
	struct pending *p[4096];
	size_t nr = 0;

	for (struct pending *q = f->pending; q; q = q->next) {
		assert_true(nr < 4096);
		p[nr++] = q;
	}
	for (size_t i = nr; i > 1; i--) {
		size_t k = roll() % i;
		struct pending *other = p[k];

		p[k] = p[i - 1];
		p[i - 1] = other;
	}
	for (size_t i = 0; i < nr; i++) {
		if (!p[i]->data && roll() % 2)
			shrink(&f->kept, p[i]->at);
		for (size_t at = 0; p[i]->data && at < p[i]->len; at += SECTOR)
			if (roll() % 2)
				put(&f->kept, p[i]->data + at, p[i]->at + at,
				    p[i]->len - at < SECTOR ? p[i]->len - at : SECTOR);
	}
}

/* The power is gone: what the disk has is what there is. */
static void go_dark(void)
{
	dark = true;
	for (int i = 0; i < FILES_MAX; i++) {
		struct disk_file *f = &disk[i];

		if (seed)
			land(f);
		if (seed && roll() % 2)
			f->kept.there = f->now.there;
		forget_pending(f);
	}
}

static void light_again(void)
{
	dark = false;
	for (int i = 0; i < FILES_MAX; i++) {
		struct disk_file *f = &disk[i];

		if (!f->kept.there)
			shrink(&f->kept, 0);
		f->now.there = f->kept.there;
		shrink(&f->now, 0);
		put(&f->now, f->kept.data, 0, f->kept.len);
	}
}

static void wipe(void)
{
	for (int i = 0; i < FILES_MAX; i++) {
		forget_pending(&disk[i]);
		free(disk[i].now.data);
		free(disk[i].kept.data);
	}
	memset(disk, 0, sizeof(disk));
	operations = cut_at = 0;
	dark = false;
}

/* Before each of the four: false: the power is gone. What was just asked for is on its way already. */
static bool powered(void)
{
	if (!dark && ++operations == cut_at)
		go_dark();
	return !dark;
}

static void note(struct disk_file *f, const void *data, size_t at, size_t len)
{
	struct pending *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->at = at;
	p->len = len;
	if (data) {
		p->data = malloc(len ? len : 1);
		assert_non_null(p->data);
		memcpy(p->data, data, len);
	}
	if (f->pending)
		f->last->next = p;
	else
		f->pending = p;
	f->last = p;
}

/* ---- what SQLite calls ---- */

static struct disk_file *file_named(const char *name, bool make)
{
	struct disk_file *room = NULL;

	for (int i = 0; i < FILES_MAX; i++) {
		if (!strcmp(disk[i].name, name))
			return &disk[i];
		if (!room && !disk[i].name[0])
			room = &disk[i];
	}
	if (make) {
		assert_non_null(room);
		snprintf(room->name, sizeof(room->name), "%s", name);
	}
	return make ? room : NULL;
}

static int x_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	struct disk_file *f = file_named(name, false);

	(void)vfs;
	if (dark)
		return SQLITE_IOERR_DELETE;
	if (!f || !f->now.there)
		return SQLITE_IOERR_DELETE_NOENT;
	f->now.there = false;
	shrink(&f->now, 0);
	if (!powered())
		return SQLITE_IOERR_DELETE;
	if (sync)
		sync_names();
	return SQLITE_OK;
}

static int x_close(sqlite3_file *base)
{
	struct handle *h = (struct handle *)base;

	if (h->goes && h->file)
		x_delete(NULL, h->file->name, 0);
	return SQLITE_OK;
}

static int x_read(sqlite3_file *base, void *buf, int len, sqlite3_int64 at)
{
	const struct image *image = &((struct handle *)base)->file->now;
	size_t left = (size_t)at < image->len ? image->len - (size_t)at : 0;

	if (dark)
		return SQLITE_IOERR_READ;
	if (left >= (size_t)len) {
		memcpy(buf, image->data + at, (size_t)len);
		return SQLITE_OK;
	}
	memset(buf, 0, (size_t)len);
	if (left)
		memcpy(buf, image->data + at, left);
	return SQLITE_IOERR_SHORT_READ;
}

static int x_write(sqlite3_file *base, const void *buf, int len, sqlite3_int64 at)
{
	struct disk_file *f = ((struct handle *)base)->file;

	if (dark)
		return SQLITE_IOERR_WRITE;
	note(f, buf, (size_t)at, (size_t)len);
	put(&f->now, buf, (size_t)at, (size_t)len);
	return powered() ? SQLITE_OK : SQLITE_IOERR_WRITE;
}

static int x_truncate(sqlite3_file *base, sqlite3_int64 len)
{
	struct disk_file *f = ((struct handle *)base)->file;

	if (dark)
		return SQLITE_IOERR_TRUNCATE;
	note(f, NULL, (size_t)len, 0);
	shrink(&f->now, (size_t)len);
	return powered() ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int x_sync(sqlite3_file *base, int flags)
{
	struct disk_file *f = ((struct handle *)base)->file;

	(void)flags;
	if (!powered())
		return SQLITE_IOERR_FSYNC;
	if (lying)
		return SQLITE_OK;
	sync_data(f);
	if (f->sync_names)
		sync_names();
	f->sync_names = false;
	return SQLITE_OK;
}

static int x_size(sqlite3_file *base, sqlite3_int64 *size)
{
	*size = (sqlite3_int64)((struct handle *)base)->file->now.len;
	return dark ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

static int x_lock(sqlite3_file *base, int lock)
{
	(void)base, (void)lock;
	return SQLITE_OK;
}

static int x_reserved(sqlite3_file *base, int *reserved)
{
	(void)base;
	*reserved = 0;
	return SQLITE_OK;
}

static int x_control(sqlite3_file *base, int op, void *arg)
{
	(void)base, (void)op, (void)arg;
	return SQLITE_NOTFOUND;
}

static int x_sector(sqlite3_file *base)
{
	(void)base;
	return SECTOR;
}

/* As SQLite's own layer has it: a write that is torn leaves what is beside it alone. */
static int x_traits(sqlite3_file *base)
{
	(void)base;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = x_close,
	.xRead = x_read,
	.xWrite = x_write,
	.xTruncate = x_truncate,
	.xSync = x_sync,
	.xFileSize = x_size,
	.xLock = x_lock,
	.xUnlock = x_lock,
	.xCheckReservedLock = x_reserved,
	.xFileControl = x_control,
	.xSectorSize = x_sector,
	.xDeviceCharacteristics = x_traits,
};

static int x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out_flags)
{
	struct handle *h = (struct handle *)base;
	struct disk_file *f;

	(void)vfs;
	h->base.pMethods = NULL;
	assert_non_null(name); /* nothing temporary: temp_store is memory */
	f = file_named(name, flags & SQLITE_OPEN_CREATE);
	if (dark || !f || (!f->now.there && !(flags & SQLITE_OPEN_CREATE)))
		return SQLITE_CANTOPEN;
	if (!f->now.there) {
		f->now.there = true;
		/* whatever the disk still has under that name is not of this one */
		note(f, NULL, 0, 0);
		f->sync_names = flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL |
					 SQLITE_OPEN_WAL);
	}
	h->base.pMethods = &methods;
	h->file = f;
	h->goes = flags & SQLITE_OPEN_DELETEONCLOSE;
	if (out_flags)
		*out_flags = flags;
	return SQLITE_OK;
}

static int x_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
	struct disk_file *f = file_named(name, false);

	(void)vfs, (void)flags;
	*result = f && f->now.there;
	return dark ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}

static int x_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
	(void)vfs;
	snprintf(out, (size_t)size, "%s", name);
	return SQLITE_OK;
}

static sqlite3_vfs layer;

static void make_layer(void)
{
	layer = *sqlite3_vfs_find(NULL);
	layer.iVersion = 1;
	layer.szOsFile = sizeof(struct handle);
	layer.zName = "powercut";
	layer.pNext = NULL;
	layer.xOpen = x_open;
	layer.xDelete = x_delete;
	layer.xAccess = x_access;
	layer.xFullPathname = x_path;
	assert_int_equal(sqlite3_vfs_register(&layer, 0), SQLITE_OK);
}

#endif
