// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Our programs for steering, but for the one at the interface. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <linux/bpf.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "fault.h"
#include "kernel.h"
#include "homeostat.skel.h" /* after the types that it uses */
#include "log.h"

#define BOOKS 3

void kernel_steer_key(void *key, size_t size)
{
	__u64 *word = key;

	if (getrandom(key, size, GRND_NONBLOCK) < 0)
		log_debug("no random numbers yet: flows are told apart by known ones");
	for (size_t i = 0; i < size / sizeof(*word); i++)
		word[i] |= 1; /* a factor that is even loses the highest bit of what it is for */
}

/* 0 where the kernel does not tell: then no book is kept, and no flow that was handed over moves again. */
static __u32 map_id(int fd)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	return bpf_map_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

int kernel_steer(struct kernel *k)
{
	struct bpf_program *books[BOOKS] = {k->skel->progs.steer_queued,
					    k->skel->progs.steer_failed,
					    k->skel->progs.steer_taken};
	struct family *f = &k->family[FAMILY_STEER];

	if (f->state == FAMILY_UNAVAILABLE)
		return -EOPNOTSUPP;
	k->skel->data_steer_queues_id->steer_queues_id = map_id(k->fd.steer_queues);
	for (int i = 0; i < BOOKS; i++) {
		int err = 0;

		if (!k->steer_link[i]) {
			k->steer_link[i] = bpf_program__attach(books[i]);
			err = k->steer_link[i] ? 0 : -errno;
		}
		if (err) {
			snprintf(f->why, sizeof(f->why), "attaching %s: %s",
				 bpf_program__name(books[i]), strerror(-err));
			return err;
		}
	}
	f->state = FAMILY_ON;
	f->why[0] = '\0';
	return 0;
}

void kernel_steer_close(struct kernel *k)
{
	for (int i = 0; i < BOOKS; i++)
		bpf_link__destroy(k->steer_link[i]);
}
