// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/if_link.h>
#include <xdp/libxdp.h>

#include "../../kern/abi.h"
#include "dispatcher.h"
#include "parse.h"

#define GATE_MAP ".data.gate"
#define DISPATCHER_NAME "xdp_dispatcher"
#define LOCK_WAIT_MS 3000 /* another loader is at it for some milliseconds */
#define LOCK_POLL_NS 5000000L

/* ---- what libxdp says ---- */

static char said[DISPATCHER_WHY_LEN];

static int __attribute__((format(printf, 2, 0))) hear(enum libxdp_print_level level,
						      const char *fmt, va_list args)
{
	char line[DISPATCHER_WHY_LEN];

	if (level == LIBXDP_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), fmt, args);
	line[strcspn(line, "\n")] = '\0';
	if (line[0])
		memcpy(said, line, sizeof(said));
	return 0;
}

const char *xdp_said(void)
{
	static char last[DISPATCHER_WHY_LEN];

	memcpy(last, said, sizeof(last));
	said[0] = '\0';
	return last;
}

/* Before each of its calls: nothing of the environment moves it elsewhere, mounts or leaves out. */
static void settle(void)
{
	static const char *const names[] = {XDP_BPFFS_ENVVAR, XDP_BPFFS_MOUNT_ENVVAR,
					    XDP_OBJECT_ENVVAR, "LIBXDP_SKIP_DISPATCHER"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	libxdp_set_print(hear);
	said[0] = '\0';
}

int xdp_lock(const char *root)
{
	const struct timespec pause = {.tv_nsec = LOCK_POLL_NS};
	long left = LOCK_WAIT_MS * 1000000L;
	char path[PATH_MAX];
	int err = root_path(path, sizeof(path), root, DISPATCHER_DIR), fd;

	if (err)
		return err;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		err = errno == EWOULDBLOCK ? left > 0 ? 0 : -EBUSY : errno == EINTR ? 0 : -errno;
		if (err) {
			close(fd);
			return err;
		}
		nanosleep(&pause, NULL);
		left -= LOCK_POLL_NS;
	}
	return fd;
}

/* libxdp would wait for ever: somebody who keeps the lock is found out before. */
static int lock_is_free(void)
{
	int fd = xdp_lock("");

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	close(fd);
	return 0;
}

/* Before anything is changed. */
static int ready(void)
{
	settle();
	return lock_is_free();
}

/* ---- programs ---- */

int process_start(__u32 pid, __u64 *start)
{
	char stat[512] = "";
	const char *at;
	/* its beginning is enough */
	ssize_t n = read_filef("", stat, sizeof(stat), "/proc/%u/stat", pid);

	if (n < 0 && n != -EFBIG)
		return n == -ENOENT ? -ESRCH : (int)n;
	at = strrchr(stat, ')'); /* behind the name */
	if (!at || !at[1])
		return -EPROTO;
	if (at[2] == 'Z' || at[2] == 'X')
		return -ESRCH;
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return -EPROTO;
	at++;
	return parse_digits(&at, ~0ULL, start);
}

static int judge_owner(const struct hs_gate *gate, enum xdp_owner *owner)
{
	__u64 start;
	int err = -ESRCH;

	if (gate->abi_version != HS_ABI_VERSION)
		return -EPROTO;
	if (gate->owner_start)
		err = process_start(gate->owner, &start);
	if (err && err != -ESRCH)
		return err;
	*owner = !err && start == gate->owner_start ? XDP_OWNER_ALIVE : XDP_OWNER_DEAD;
	return 0;
}

/* The daemon that made it lives? By the gate that it obeys. 0 or negative errno. */
static int find_owner(const struct bpf_prog_info *info, const __u32 *map_ids, enum xdp_owner *owner)
{
	struct hs_gate gate;
	__u32 zero = 0;

	for (__u32 i = 0; i < info->nr_map_ids; i++) {
		struct bpf_map_info map = {0};
		__u32 size = sizeof(map);
		int fd = bpf_map_get_fd_by_id(map_ids[i]), err;

		if (fd < 0)
			return fd;
		err = bpf_map_get_info_by_fd(fd, &map, &size);
		if (!err && !strcmp(map.name, GATE_MAP)) {
			err = map.value_size == sizeof(gate) ? bpf_map_lookup_elem(fd, &zero, &gate)
							     : -EPROTO;
			close(fd);
			return err ? err : judge_owner(&gate, owner);
		}
		close(fd);
		if (err)
			return err;
	}
	return 0; /* of our name, but without a gate */
}

int xdp_pinned(const char *root, const char *path, __u32 *id, enum xdp_owner *owner)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info), map_ids[64];
	char full[PATH_MAX];
	int err = root_path(full, sizeof(full), root, path), fd;

	*owner = XDP_OWNER_OTHER;
	*id = 0;
	if (err)
		return err;
	fd = bpf_obj_get(full);
	if (fd < 0)
		return fd;
	info.nr_map_ids = sizeof(map_ids) / sizeof(map_ids[0]);
	info.map_ids = (__u64)(unsigned long)map_ids;
	err = bpf_prog_get_info_by_fd(fd, &info, &size);
	*id = info.id;
	if (!err && info.type == BPF_PROG_TYPE_EXT && !strcmp(info.name, DISPATCHER_PROGRAM))
		err = info.nr_map_ids > sizeof(map_ids) / sizeof(map_ids[0])
			      ? -E2BIG
			      : find_owner(&info, map_ids, owner);
	close(fd);
	return err;
}

__u32 xdp_program_id(int prog_fd)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);

	return bpf_prog_get_info_by_fd(prog_fd, &info, &size) ? 0 : info.id;
}

/* ---- interfaces ---- */

static int error_of(const void *result)
{
	long err = libxdp_get_error(result);

	return err ? (int)err : -ENOENT;
}

int xdp_look(__u32 ifindex, __u32 prog_id, struct xdp_there *there)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct xdp_program *p = NULL;
	struct xdp_multiprog *mp;
	int err;

	memset(there, 0, sizeof(*there));
	settle();
	/* asked by ourselves: libxdp says ENOENT of much */
	err = bpf_xdp_query((int)ifindex, 0, &query);
	if (err)
		return err;
	there->main = query.drv_prog_id ?: query.skb_prog_id ?: query.hw_prog_id;
	there->generic = !query.drv_prog_id && query.skb_prog_id;
	if (!there->main)
		return 0;
	err = lock_is_free();
	if (err)
		return err;
	mp = xdp_multiprog__get_from_ifindex((int)ifindex);
	if (!mp || libxdp_get_error(mp))
		return error_of(mp) == -ENOENT ? -EAGAIN : error_of(mp); /* it went just now */
	there->legacy = xdp_multiprog__is_legacy(mp);
	there->lost = there->legacy && xdp_multiprog__main_prog(mp) &&
		      !strcmp(xdp_program__name(xdp_multiprog__main_prog(mp)), DISPATCHER_NAME);
	while (!there->legacy && (p = xdp_multiprog__next_prog(p, mp)))
		there->ours |= prog_id && xdp_program__id(p) == prog_id;
	/* libxdp makes an empty one of what it could not read, and another one may have come since we asked */
	if (!there->legacy && (!xdp_multiprog__main_prog(mp) ||
			       xdp_program__id(xdp_multiprog__main_prog(mp)) != there->main))
		err = -EAGAIN;
	xdp_multiprog__close(mp);
	return err;
}

int xdp_join(__u32 ifindex, int prog_fd, bool generic)
{
	struct xdp_program *p;
	int err = ready();

	if (err)
		return err;
	p = xdp_program__from_fd(prog_fd);
	if (!p || libxdp_get_error(p))
		return error_of(p);
	err = xdp_program__attach(p, (int)ifindex, generic ? XDP_MODE_SKB : XDP_MODE_NATIVE, 0);
	xdp_program__close(p);
	return err == -EBUSY ? -EAGAIN : err;
}

int xdp_leave(__u32 ifindex, __u32 prog_id, bool generic)
{
	struct xdp_program *p;
	int err = ready();

	if (err)
		return err;
	p = xdp_program__from_id(prog_id);
	if (!p || libxdp_get_error(p))
		return error_of(p);
	err = xdp_program__detach(p, (int)ifindex, generic ? XDP_MODE_SKB : XDP_MODE_NATIVE, 0);
	xdp_program__close(p);
	/* what it calls "not there" may be "not read": the caller looks again */
	return err == -EBUSY || err == -ENOENT ? -EAGAIN : err;
}
