// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Takes as much of something as it may have, and says how much that was: what a limit of the kernel allows. */
#include "load.h"

#include <linux/aio_abi.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const char usage[] =
	"Takes of something as much as it may have, up to -n, and says how much.\n"
	"  -t KIND  aio (requests), inotify (watches), maps (areas of memory), memory (MiB, never "
	"touched),\n"
	"           touch (MiB, touched), rcvbuf, sndbuf (bytes of a socket's buffer)\n"
	"  -D DIR   for inotify: where -n directories may be made\n";

static uint64_t aio(uint64_t most)
{
	uint64_t taken = 0, step;

	for (step = most; step; step /= 2) {
		aio_context_t context = 0;

		while (taken + step <= most && !syscall(SYS_io_setup, step, &context)) {
			taken += step;
			context = 0;
		}
	}
	return taken;
}

static uint64_t inotify(uint64_t most, const char *dir)
{
	int fd = inotify_init1(IN_CLOEXEC);
	uint64_t taken = 0;
	char path[256];

	for (; taken < most; taken++) {
		snprintf(path, sizeof(path), "%s/%" PRIu64, dir, taken);
		if (mkdir(path, 0700) && errno != EEXIST)
			err(1, "%s", path);
		if (inotify_add_watch(fd, path, IN_MODIFY) < 0)
			break;
	}
	return taken;
}

static uint64_t maps(uint64_t most)
{
	uint64_t taken = 0;

	/* every other one may be written, or the kernel makes one of them */
	while (taken < most && mmap(NULL, 4096, taken % 2 ? PROT_READ : PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		taken++;
	return taken;
}

static uint64_t memory(uint64_t most_mib, bool touch)
{
	uint64_t taken = 0;

	for (; taken < most_mib; taken += 16) {
		char *area = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (area == MAP_FAILED)
			break;
		for (size_t i = 0; touch && i < 16 << 20; i += 4096)
			area[i] = 1;
	}
	return taken;
}

static uint64_t buffer(uint64_t most, int which)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = (int)most;
	socklen_t len = sizeof(room);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, which, &room, sizeof(room)) ||
	    getsockopt(fd, SOL_SOCKET, which, &room, &len))
		err(1, "socket");
	return (uint64_t)room;
}

int main(int argc, char **argv)
{
	struct load l = {.name = "holder", .usage = usage, .count = 1};
	const char *kind = "", *dir = "/tmp";
	struct line line;
	uint64_t taken;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "t:D:")) != -1) {
		if (c == 't')
			kind = optarg;
		else if (c == 'D')
			dir = optarg;
		else
			load_option(&l, c, optarg);
	}
	load_begin();
	if (!strcmp(kind, "aio"))
		taken = aio(l.count);
	else if (!strcmp(kind, "inotify"))
		taken = inotify(l.count, dir);
	else if (!strcmp(kind, "maps"))
		taken = maps(l.count);
	else if (!strcmp(kind, "memory") || !strcmp(kind, "touch"))
		taken = memory(l.count, kind[0] == 't');
	else if (!strcmp(kind, "rcvbuf"))
		taken = buffer(l.count, SO_RCVBUF);
	else if (!strcmp(kind, "sndbuf"))
		taken = buffer(l.count, SO_SNDBUF);
	else
		errx(2, "what? see -h");
	line_begin(&line, l.name);
	line_u64(&line, "taken", taken);
	line_end(&line, l.out);
	return 0;
}
