// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Congestion control and sockops: attaching, and what becomes of connections. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "fault.h"
#include "kernel.h"
#include "homeostat.skel.h" /* after the types that it uses */

/* What attaching gave: 0 or negative errno, the family's state and why. */
static int attached(struct kernel *k, enum family_id id, const struct bpf_link *link)
{
	struct family *f = &k->family[id];
	int err = link ? 0 : -errno;

	f->state = err ? FAMILY_OFF : FAMILY_ON;
	snprintf(f->why, sizeof(f->why), err ? "attaching: %s" : "%s", err ? strerror(-err) : "");
	return err;
}

static int attach_ops(struct kernel *k, enum family_id id, struct bpf_map *map,
		      struct bpf_link **link)
{
	if (k->family[id].state == FAMILY_UNAVAILABLE)
		return -EOPNOTSUPP;
	if (*link)
		return 0;
	*link = bpf_map__attach_struct_ops(map);
	return attached(k, id, *link);
}

static int attach_sockops(struct kernel *k, const char *cgroup)
{
	int fd;

	if (k->family[FAMILY_SOCKOPS].state == FAMILY_UNAVAILABLE)
		return -EOPNOTSUPP;
	if (k->sockops_link)
		return 0;
	fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		k->sockops_link = bpf_program__attach_cgroup(k->skel->progs.sockops_connection, fd);
	if (fd >= 0)
		close(fd);
	return attached(k, FAMILY_SOCKOPS, k->sockops_link);
}

int kernel_attach_tcp(struct kernel *k, const char *cgroup)
{
	int err;

	/* who selects comes last: there is something to be selected by then */
	attach_ops(k, FAMILY_TCP_LOSS, k->skel->maps.loss_ops, &k->loss_link);
	attach_ops(k, FAMILY_TCP, k->skel->maps.tcp_ops, &k->tcp_link);
	err = attach_sockops(k, cgroup);
	if (err)
		kernel_detach_tcp(k);
	return err;
}

static void detach(struct kernel *k, enum family_id id, struct bpf_link **link)
{
	if (!*link)
		return;
	bpf_link__destroy(*link);
	*link = NULL;
	k->family[id].state = FAMILY_OFF;
}

void kernel_detach_tcp(struct kernel *k)
{
	detach(k, FAMILY_SOCKOPS, &k->sockops_link);
	detach(k, FAMILY_TCP, &k->tcp_link);
	detach(k, FAMILY_TCP_LOSS, &k->loss_link);
}

int kernel_connections(struct kernel *k, bool restore,
		       int (*fn)(void *ctx, const struct hs_connection *connection), void *ctx)
{
	struct bpf_program *prog;
	struct hs_connection record;
	struct bpf_link *link;
	size_t have = 0;
	ssize_t n = 0;
	int fd, err = 0;

	if (k->family[FAMILY_SOCKETS].state == FAMILY_UNAVAILABLE)
		return -EOPNOTSUPP;
	prog = restore ? k->skel->progs.sockets_restore : k->skel->progs.sockets_list;
	link = bpf_program__attach_iter(prog, NULL);
	if (!link)
		return -errno;
	k->family[FAMILY_SOCKETS].state = FAMILY_ON;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		err = fd;
	while (!err) {
		n = read(fd, (char *)&record + have, sizeof(record) - have);
		if (n < 0 && errno == EAGAIN) /* many sockets, none of them ours */
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
		if (have < sizeof(record))
			continue;
		have = 0;
		record.congestion[sizeof(record.congestion) - 1] = '\0';
		err = fn ? fn(ctx, &record) : 0;
	}
	if (!err && n < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return err;
}

int kernel_look_begin(struct kernel *k)
{
	int fd;

	if (k->family[FAMILY_SOCKETS].state == FAMILY_UNAVAILABLE)
		return -EOPNOTSUPP;
	kernel_look_end(k);
	k->look_link = bpf_program__attach_iter(k->skel->progs.sockets_measure, NULL);
	if (!k->look_link)
		return -errno;
	k->family[FAMILY_SOCKETS].state = FAMILY_ON;
	fd = bpf_iter_create(bpf_link__fd(k->look_link));
	if (fd < 0) {
		kernel_look_end(k);
		return fd;
	}
	k->look_fd = fd + 1;
	return 1;
}

int kernel_look(struct kernel *k)
{
	ssize_t n;
	char piece;

	if (!k->look_fd)
		return 0;
	n = read(k->look_fd - 1, &piece, sizeof(piece));
	if (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)))
		return 1;
	n = n < 0 ? -errno : 0;
	kernel_look_end(k);
	return (int)n;
}

void kernel_look_end(struct kernel *k)
{
	if (k->look_fd)
		close(k->look_fd - 1);
	k->look_fd = 0;
	bpf_link__destroy(k->look_link);
	k->look_link = NULL;
}
