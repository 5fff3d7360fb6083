// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * File churn: writes files of sizes drawn from the seed, renames each over an older one, and reads another.
 * On tmpfs this is page cache and directory work; on a file system with a device (guest: disk: yes), and with -f, writeback too.
 * Work = files written.
 */
#include "load.h"
#include <sys/stat.h>

static const char usage[] =
	"Writes, renames and reads files; latency = one of them.\n"
	"  -D DIR      where; a directory of its own is made in it (default /tmp)\n"
	"  -k KIB      mean size of a file (default 64)\n"
	"  -t COUNT    files that there are at a time (default 64)\n"
	"  -f          each file is on its device before it is renamed\n"
	"  -s SEED     of sizes and order (default 1)\n";

#define SIZE_MAX_KIB 4096

struct churn {
	int dir;
	uint64_t mean;
	uint64_t files;
	bool sync;
	char *buf;
	struct rng rng;
};

static void write_file(struct churn *c)
{
	uint64_t size = rng_exponential(&c->rng, c->mean) % ((uint64_t)SIZE_MAX_KIB << 10);
	char name[32];
	int fd = openat(c->dir, "new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		err(1, "new");
	if (write(fd, c->buf, size) != (ssize_t)size)
		err(1, "write");
	if (c->sync && fdatasync(fd))
		err(1, "fdatasync");
	close(fd);
	snprintf(name, sizeof(name), "%" PRIu64, rng_next(&c->rng) % c->files);
	if (renameat(c->dir, "new", c->dir, name))
		err(1, "%s", name);
}

static void read_file(struct churn *c)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "%" PRIu64, rng_next(&c->rng) % c->files);
	fd = openat(c->dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* not written yet */
	while (read(fd, c->buf, (size_t)SIZE_MAX_KIB << 10) > 0)
		;
	close(fd);
}

static void clean_up(struct churn *c, const char *path)
{
	char name[32];

	for (uint64_t i = 0; i < c->files; i++) {
		snprintf(name, sizeof(name), "%" PRIu64, i);
		unlinkat(c->dir, name, 0);
	}
	if (rmdir(path))
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	struct load l = {.name = "churn", .usage = usage, .seconds = 10};
	struct churn churn = {.mean = 64 << 10, .files = 64};
	uint64_t seed = 1, begin, end, work = 0, now;
	const char *in = "/tmp";
	struct samples samples;
	struct line line;
	char path[4096];
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "D:k:t:fs:")) != -1) {
		switch (c) {
		case 'D':
			in = optarg;
			break;
		case 'k':
			churn.mean = number(optarg, c, 1, SIZE_MAX_KIB) << 10;
			break;
		case 't':
			churn.files = number(optarg, c, 1, 100000);
			break;
		case 'f':
			churn.sync = true;
			break;
		case 's':
			seed = number(optarg, c, 0, UINT32_MAX);
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	load_begin();
	churn.rng = rng_seed(seed);
	churn.buf = calloc(SIZE_MAX_KIB, 1 << 10);
	if (!churn.buf)
		err(1, "%d KiB", SIZE_MAX_KIB);
	snprintf(path, sizeof(path), "%s/churn.%d", in, getpid());
	if (mkdir(path, 0700) || (churn.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		err(1, "%s", path);
	samples_init(&samples, l.count ? l.count : l.seconds * 20000);
	begin = now_ns() + l.warmup_s * NS_PER_S;
	end = begin + l.seconds * NS_PER_S;
	while (!load_stop && (now = now_ns()) < end && (!l.count || work < l.count)) {
		write_file(&churn);
		read_file(&churn);
		if (now < begin)
			continue;
		samples_add(&samples, now_ns() - now);
		work++;
	}
	clean_up(&churn, path);
	line_begin(&line, l.name);
	line_u64(&line, "work", work);
	line_samples(&line, &l, &samples);
	line_end(&line, l.out);
	return 0;
}
