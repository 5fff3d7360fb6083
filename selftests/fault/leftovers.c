// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What is in the kernel and in the runtime directory, counted: a dead homeostat leaves nothing. */
#include "faulter.h"
#include <bpf/bpf.h>
#include <ctype.h>
#include <dirent.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include "change.h"

static uint32_t count_ids(int (*next)(__u32, __u32 *))
{
	uint32_t n = 0;
	__u32 id = 0;

	while (!next(id, &id))
		n++;
	return n;
}

static uint32_t count_struct_ops(void)
{
	uint32_t n = 0;
	__u32 id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		struct bpf_map_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_map_get_fd_by_id(id);

		if (fd < 0)
			continue;
		n += !bpf_map_get_info_by_fd(fd, &info, &len) &&
		     info.type == BPF_MAP_TYPE_STRUCT_OPS;
		close(fd);
	}
	return n;
}

/* Messages of one packet that are queueing disciplines; *done at the last. */
static uint32_t count_messages(const char *buf, size_t len, bool *done)
{
	const struct nlmsghdr *h = (const void *)buf;
	uint32_t n = 0;

	for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
		*done |= h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR;
		n += h->nlmsg_type == RTM_NEWQDISC;
	}
	return n;
}

static uint32_t count_qdiscs(void)
{
	struct {
		struct nlmsghdr h;
		struct tcmsg tc;
	} ask = {
		.h = {.nlmsg_len = sizeof(ask),
		      .nlmsg_type = RTM_GETQDISC,
		      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	static char buf[8192] __attribute__((aligned(8)));
	bool done = false;
	uint32_t n = 0;

	if (fd < 0 || send(fd, &ask, sizeof(ask), 0) < 0)
		err(1, "netlink");
	while (!done) {
		ssize_t len = recv(fd, buf, sizeof(buf), 0);

		if (len <= 0)
			err(1, "netlink");
		n += count_messages(buf, (size_t)len, &done);
	}
	close(fd);
	return n;
}

static uint32_t count_sockets(void)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char line[512];
	uint32_t n = 0;

	if (!f)
		err(1, "/proc/net/unix");
	while (fgets(line, sizeof(line), f))
		n += strstr(line, "homeostat") != NULL;
	fclose(f);
	return n;
}

/* Entries of a directory that a filter lets pass. */
static uint32_t count_entries(const char *path, bool (*passes)(const char *name))
{
	DIR *d = opendir(path);
	struct dirent *e;
	uint32_t n = 0;

	if (!d)
		return 0;
	while ((e = readdir(d)))
		n += e->d_name[0] != '.' && passes(e->d_name);
	closedir(d);
	return n;
}

static bool is_undocumented(const char *name)
{
	static const char *const known[] = {"control.sock", "control.sock.lock", "undo", "breaker",
					    "recorder"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(name, known[i]))
			return false;
	}
	return true;
}

/* A process of homeostat that lives: "PID (comm) S …". */
static bool is_homeostat(const char *name)
{
	char path[300], stat[64], *end;

	if (!isdigit((unsigned char)name[0]))
		return false;
	snprintf(path, sizeof(path), "/proc/%s/stat", name);
	file_read(path, stat, sizeof(stat));
	end = strrchr(stat, ')');
	return strstr(stat, "(homeostat") && end && !strchr("ZX", end[2]);
}

void leftovers_count(struct leftovers *l)
{
	*l = (struct leftovers){
		.links = count_ids(bpf_link_get_next_id),
		.maps = count_ids(bpf_map_get_next_id),
		.progs = count_ids(bpf_prog_get_next_id),
		.ops = count_struct_ops(),
		.qdiscs = count_qdiscs(),
		.sockets = count_sockets(),
		.files = count_entries(RUN_DIR, is_undocumented),
		.procs = count_entries("/proc", is_homeostat),
	};
}

static uint32_t more(uint32_t now, uint32_t before)
{
	return now > before ? now - before : 0;
}

struct leftovers leftovers_since(const struct leftovers *now, const struct leftovers *before)
{
	return (struct leftovers){
		.links = more(now->links, before->links),
		.maps = more(now->maps, before->maps),
		.progs = more(now->progs, before->progs),
		.ops = more(now->ops, before->ops),
		.qdiscs = more(now->qdiscs, before->qdiscs),
		.sockets = more(now->sockets, before->sockets),
		.files = more(now->files, before->files),
		.procs = more(now->procs, before->procs),
	};
}

bool leftovers_kernel(const struct leftovers *l)
{
	return l->links || l->maps || l->progs || l->ops || l->qdiscs || l->sockets;
}

bool leftovers_any(const struct leftovers *l)
{
	return leftovers_kernel(l) || l->files || l->procs;
}

/* ---- a changed value ---- */

#define VALUE "/proc/sys/vm/dirty_expire_centisecs"

static char value_before[32];

void value_note(void)
{
	file_read(VALUE, value_before, sizeof(value_before));
}

const char *value_change(void)
{
	struct undo undo = {.fd = -1};
	char text[32];
	int rc;

	snprintf(text, sizeof(text), "%llu", strtoull(value_before, NULL, 10) - 1);
	if (undo_open(&undo, RUN_DIR, "", false))
		return "the undo table cannot be opened";
	rc = change_file(undo.table, "", 0, VALUE, text);
	undo_close(&undo);
	return rc < 0 ? "a value cannot be changed" : NULL;
}

bool value_is_back(void)
{
	char now[sizeof(value_before)];

	file_read(VALUE, now, sizeof(now));
	return !strcmp(now, value_before);
}
