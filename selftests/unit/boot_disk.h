/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * A disk that forgets: in place of the system calls of user/lib/boot_files.h. What is written is in the tree at once, as others would see it; what
 * of it has been synced is kept apart. When the power goes, at whichever operation, the tree becomes what a disk may have then:
 * of what was not synced nothing, all, or by a seed any part: sectors of 512 bytes of a file, and names of a directory one by one.
 */
#ifndef HOMEOSTAT_TEST_BOOT_DISK_H
#define HOMEOSTAT_TEST_BOOT_DISK_H

#include "boot_fixture.h"

#include "../../user/lib/boot_files.h"

#define SECTOR 512
#define NODES 64
#define PENDING 64

struct node {
	ino_t ino;
	int fd; /* keeps its number from being given to another file, and has what was written */
	char *disk;
	size_t len;
};
struct name {
	char path[128]; /* below the root; "" is no name */
	int node;	/* -1: a directory */
};

static struct disk {
	const char *root;
	struct node node[NODES];
	int nodes;
	struct name name[NODES]; /* as synced */
	struct {
		char from[128], to[128]; /* "" → a new name; → "": gone */
		int node;
	} pending[PENDING];
	int pendings;
	unsigned int ops, cut_at; /* operations so far; the power goes before that one */
	bool off;
	unsigned int seed;
} disk;

/* What is followed: all that is ours to write, with its directories. */
static const char *const followed[] = {"/var/lib/homeostat",
				       JOURNAL,
				       JOURNAL ".damaged",
				       JOURNAL BOOT_NEW,
				       CUSTOM,
				       CUSTOM BOOT_NEW,
				       GRUBENV,
				       "/etc/default/grub.d",
				       PIECE,
				       PIECE BOOT_NEW};
#define FOLLOWED (sizeof(followed) / sizeof(*followed))

static size_t live(const struct node *n, char *buf, size_t size)
{
	ssize_t len = pread(n->fd, buf, size, 0);

	assert_true(len >= 0 && (size_t)len < size);
	return (size_t)len;
}

static void node_sync(struct node *n)
{
	static char buf[65536];

	n->len = live(n, buf, sizeof(buf));
	n->disk = realloc(n->disk, n->len + 1);
	assert_non_null(n->disk);
	memcpy(n->disk, buf, n->len);
}

static int node_of(const char *path, bool synced)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int i = 0;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	while (i < disk.nodes && disk.node[i].ino != st.st_ino)
		i++;
	if (i < disk.nodes) {
		close(fd);
		return i;
	}
	assert_true(disk.nodes < NODES);
	disk.node[disk.nodes++] = (struct node){.ino = st.st_ino, .fd = fd};
	if (synced)
		node_sync(&disk.node[i]);
	return i;
}

static struct name *name_of(const char *path)
{
	struct name *unused = NULL;

	for (int i = 0; i < NODES; i++) {
		if (!strcmp(disk.name[i].path, path))
			return &disk.name[i];
		if (!unused && !disk.name[i].path[0])
			unused = &disk.name[i];
	}
	assert_non_null(unused);
	return unused;
}

static void set_name(const char *path, int node)
{
	struct name *n = name_of(path);

	snprintf(n->path, sizeof(n->path), "%s", path);
	n->node = node;
}

static void drop_name(const char *path)
{
	name_of(path)->path[0] = '\0';
}

/* The power comes: all that there is has been on the disk for long. */
static void disk_on(const char *root, unsigned int cut_at)
{
	char full[PATH_MAX];
	struct stat st;

	memset(&disk, 0, sizeof(disk));
	disk.root = root;
	disk.cut_at = cut_at;
	for (size_t i = 0; i < FOLLOWED; i++) {
		snprintf(full, sizeof(full), "%s%s", root, followed[i]);
		if (!lstat(full, &st))
			set_name(followed[i], S_ISDIR(st.st_mode) ? -1 : node_of(full, true));
	}
}

static void disk_free(void)
{
	for (int i = 0; i < disk.nodes; i++) {
		close(disk.node[i].fd);
		free(disk.node[i].disk);
	}
	disk.nodes = 0;
}

/* One operation more: has the power gone? */
static bool gone(void)
{
	if (!disk.off && disk.ops++ == disk.cut_at)
		disk.off = true;
	errno = EIO;
	return disk.off;
}

static const char *below(const char *full)
{
	assert_memory_equal(full, disk.root, strlen(disk.root));
	return full + strlen(disk.root);
}

static void note(const char *from, const char *to, int node)
{
	assert_true(disk.pendings < PENDING);
	snprintf(disk.pending[disk.pendings].from, 128, "%s", from);
	snprintf(disk.pending[disk.pendings].to, 128, "%s", to);
	disk.pending[disk.pendings++].node = node;
}

static int disk_open(const char *path, int flags, mode_t mode)
{
	int fd;

	if (!(flags & O_CREAT))
		return disk.off ? errno = EIO, -1 : open(path, flags, mode);
	if (gone())
		return -1;
	fd = open(path, flags, mode);
	if (fd >= 0)
		note("", below(path), node_of(path, false));
	return fd;
}

static ssize_t disk_pwrite(int fd, const void *buf, size_t len, off_t at)
{
	return gone() ? -1 : pwrite(fd, buf, len, at);
}

/* What became of a name; of a renamed one both at once. */
static void settle(int i)
{
	if (disk.pending[i].from[0])
		drop_name(disk.pending[i].from);
	if (disk.pending[i].to[0])
		set_name(disk.pending[i].to, disk.pending[i].node);
}

static bool is_in(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && path[n] == '/' && !strchr(path + n + 1, '/');
}

static int disk_fsync(int fd)
{
	char link[64], dir[PATH_MAX];
	struct stat st;
	ssize_t n;
	int left = 0;

	if (gone())
		return -1;
	assert_int_equal(fstat(fd, &st), 0);
	if (S_ISREG(st.st_mode)) {
		for (int i = 0; i < disk.nodes; i++)
			if (disk.node[i].ino == st.st_ino)
				node_sync(&disk.node[i]);
		return 0;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, dir, sizeof(dir) - 1);
	assert_true(n > 0);
	dir[n] = '\0';
	for (int i = 0; i < disk.pendings; i++) {
		if (is_in(disk.pending[i].from, below(dir)) ||
		    is_in(disk.pending[i].to, below(dir)))
			settle(i);
		else
			disk.pending[left++] = disk.pending[i];
	}
	disk.pendings = left;
	return 0;
}

static int disk_rename(const char *from, const char *to)
{
	int node;

	if (gone())
		return -1;
	node = node_of(from, false);
	note(below(from), below(to), node);
	return rename(from, to);
}

static int disk_unlink(const char *path)
{
	if (access(path, F_OK)) {
		errno = disk.off ? EIO : ENOENT;
		return -1;
	}
	if (gone())
		return -1;
	note(below(path), "", -1);
	return unlink(path);
}

static int disk_mkdir(const char *path, mode_t mode)
{
	if (!access(path, F_OK)) {
		errno = disk.off ? EIO : EEXIST;
		return -1;
	}
	if (gone())
		return -1;
	note("", below(path), -1);
	return mkdir(path, mode);
}

static const struct boot_files forgetful = {
	.open = disk_open,
	.pwrite = disk_pwrite,
	.fsync = disk_fsync,
	.close = close,
	.rename = disk_rename,
	.unlink = disk_unlink,
	.mkdir = disk_mkdir,
};

static unsigned int dice(void)
{
	disk.seed = disk.seed * 1103515245 + 12345;
	return disk.seed >> 16;
}

/* What of a file is on the disk: each sector that was written is as it was, or as it is. */
static size_t settled(const struct node *n, unsigned int how, char *buf, size_t size)
{
	static char now[65536];
	size_t len = live(n, now, sizeof(now)), end;

	assert_true(n->len < size && len < size);
	memset(buf, 0, size); /* a sector that was never written */
	memcpy(buf, n->disk ? n->disk : "", n->len);
	if (!how)
		return n->len;
	if (how == 1) {
		memcpy(buf, now, len);
		return len;
	}
	end = len == n->len || dice() % 2 ? len : n->len;
	for (size_t at = 0; at < end; at += SECTOR)
		if (at < len && dice() % 2)
			memcpy(buf + at, now + at, len - at < SECTOR ? len - at : SECTOR);
	return end;
}

static void put_bytes(const char *path, const char *bytes, size_t len, bool private)
{
	char full[PATH_MAX];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", disk.root, path);
	f = fopen(full, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
	chmod(full, private ? 0600 : 0644);
}

/* What of it there is after the power has gone: of what was not synced nothing (0), all (1), or some (a seed). */
static void disk_cut(unsigned int how)
{
	static char bytes[NODES][65536];
	size_t len[NODES];
	char full[PATH_MAX];

	disk.seed = how * 2654435761U + disk.cut_at;
	for (int i = 0; i < disk.pendings; i++)
		if (how == 1 || (how > 1 && dice() % 2))
			settle(i);
	for (int i = 0; i < disk.nodes; i++)
		len[i] = settled(&disk.node[i], how, bytes[i], sizeof(bytes[i]));
	for (size_t i = FOLLOWED; i-- > 0;) {
		snprintf(full, sizeof(full), "%s%s", disk.root, followed[i]);
		assert_true(!remove(full) || errno == ENOENT);
	}
	for (size_t i = 0; i < FOLLOWED; i++) {
		const struct name *n = name_of(followed[i]);
		char *slash;

		if (!n->path[0])
			continue;
		snprintf(full, sizeof(full), "%s%s", disk.root, followed[i]);
		if (n->node < 0) {
			assert_int_equal(mkdir(full, 0700), 0);
			continue;
		}
		slash = strrchr(full, '/');
		*slash = '\0';
		/* a directory that is gone takes along what was in it */
		if (!access(full, F_OK))
			put_bytes(followed[i], bytes[n->node], len[n->node], i < 4);
	}
	disk_free();
}

#endif
