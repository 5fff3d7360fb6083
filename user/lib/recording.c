// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "recording.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "clock.h"

/* libbpf gives sections with a name of their own no prefix: the map is called like the section. */
#define DECISIONS_MAP ".data.decisions"
#define RING_MAP "DECISIONS"
#define MAPS_MAX 128 /* of one program */

#define store(p, v) __atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define load(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)

/* Is it the program that the pulse's timer belongs to? The ids of its maps, too. */
static bool is_pulse(int fd, __u32 *maps, __u32 *nr)
{
	struct bpf_prog_info info = {.map_ids = (__u64)(unsigned long)maps, .nr_map_ids = MAPS_MAX};
	__u32 len = sizeof(info);

	if (bpf_prog_get_info_by_fd(fd, &info, &len) || info.nr_map_ids > MAPS_MAX)
		return false;
	*nr = info.nr_map_ids;
	return !strcmp(info.name, "pulse_start") || !strcmp(info.name, "counts_start");
}

/* Takes the two maps out of those of a program. */
static void take_maps(const __u32 *ids, __u32 nr, int *decisions_fd, int *ring_fd)
{
	for (__u32 i = 0; i < nr; i++) {
		struct bpf_map_info info = {0};
		__u32 len = sizeof(info);
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0)
			continue;
		if (bpf_map_get_info_by_fd(fd, &info, &len))
			;
		else if (*decisions_fd < 0 && !strcmp(info.name, DECISIONS_MAP) &&
			 info.value_size == sizeof(struct hs_decisions)) {
			*decisions_fd = fd;
			continue;
		} else if (*ring_fd < 0 && !strcmp(info.name, RING_MAP) &&
			   info.type == BPF_MAP_TYPE_RINGBUF) {
			*ring_fd = fd;
			continue;
		}
		close(fd);
	}
}

int recording_find(int *decisions_fd, int *ring_fd, char *error, size_t size)
{
	__u32 id = 0, maps[MAPS_MAX], nr = 0, pulses = 0;
	int err;

	*decisions_fd = *ring_fd = -1;
	while (!bpf_prog_get_next_id(id, &id)) {
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (is_pulse(fd, maps, &nr) && !pulses++)
			take_maps(maps, nr, decisions_fd, ring_fd);
		close(fd);
	}
	err = errno == ENOENT ? 0 : -errno; /* that is how the walk ends */
	if (err == -EPERM || err == -EACCES)
		snprintf(error, size,
			 "not allowed: this reaches into the kernel and needs root (CAP_BPF and "
			 "CAP_SYS_ADMIN)");
	else if (err)
		snprintf(error, size, "BPF programs: %s", strerror(-err));
	else if (!pulses)
		snprintf(error, size, "no pulse in the kernel: no homeostatd runs here");
	else if (pulses > 1)
		snprintf(error, size, "%u pulses in the kernel: end all homeostatd but one",
			 pulses);
	else if (*decisions_fd < 0 || *ring_fd < 0)
		snprintf(error, size,
			 "the homeostatd that runs is of another version: use its own homeostat");
	else
		return 0;
	if (*decisions_fd >= 0)
		close(*decisions_fd);
	if (*ring_fd >= 0)
		close(*ring_fd);
	return err ? err : !pulses ? -ENOENT : pulses > 1 ? -EEXIST : -EPROTO;
}

static int write_all(struct recording *r, const void *data, size_t size)
{
	const char *at = data;

	while (size && !r->err) {
		ssize_t n = write(r->out, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r->err = n ? -errno : -EIO;
			break;
		}
		at += n;
		size -= (size_t)n;
		r->bytes += (__u64)n;
	}
	return r->err;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct recording *r = ctx;
	const struct hs_decision_mark *m = data;

	/* the last call of a recorder before us may have ended after it had gone */
	if (!r->begun && m->type != HS_DECISION_STATE)
		return 0;
	r->begun = true;
	if (m->size > size)
		r->err = r->err ?: -EPROTO;
	else if (!write_all(r, data, m->size))
		r->records++;
	r->seq = m->type == HS_DECISION_STATE ? m->seq : r->seq + 1;
	return 0;
}

/* What somebody before us has left unread is nobody's. */
static int on_stale(void *ctx, void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return 0;
}

static int drop_stale(int ring_fd)
{
	struct ring_buffer *ring = ring_buffer__new(ring_fd, on_stale, NULL, NULL);
	int n;

	if (!ring)
		return -errno;
	n = ring_buffer__consume(ring);
	ring_buffer__free(ring);
	return n < 0 ? n : 0;
}

/* Takes the place of the recorder, if it is free. */
static int claim(struct hs_decisions *d, char *error, size_t size)
{
	__u32 was = load(&d->recorder);

	if ((was && load(&d->until_ns) > clock_ns()) ||
	    !__atomic_compare_exchange_n(&d->recorder, &was, (__u32)getpid(), false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		snprintf(error, size, "decisions are recorded already, by process %u", was);
		return -EBUSY;
	}
	return 0;
}

int recording_begin(struct recording *r, int decisions_fd, int ring_fd, int out, bool all,
		    const __u8 *manifest, char *error, size_t size)
{
	struct decision_log_head head;
	int err;

	*r = (struct recording){.out = out};
	r->decisions = mmap(NULL, sizeof(*r->decisions), PROT_READ | PROT_WRITE, MAP_SHARED,
			    decisions_fd, 0);
	if (r->decisions == MAP_FAILED) {
		r->decisions = NULL;
		err = -errno;
		snprintf(error, size, "%s cannot be mapped: %s", DECISIONS_MAP, strerror(-err));
		return err;
	}
	err = claim(r->decisions, error, size);
	if (err)
		return err;
	err = drop_stale(ring_fd);
	r->ring = err ? NULL : ring_buffer__new(ring_fd, on_record, r, NULL);
	if (!r->ring) {
		err = err ?: -errno;
		snprintf(error, size, "%s cannot be read: %s", RING_MAP, strerror(-err));
		return err;
	}
	decision_log_head(&head, manifest);
	err = write_all(r, &head, sizeof(head));
	if (err) {
		snprintf(error, size, "the log cannot be written: %s", strerror(-err));
		return err;
	}
	r->lost_first = load(&r->decisions->lost);
	store(&r->decisions->all, (__u32)all);
	store(&r->decisions->known, 0);
	store(&r->decisions->until_ns, clock_ns() + RECORDING_LEASE_NS);
	return 0;
}

int recording_look(struct recording *r)
{
	__u64 now = clock_ns();
	int n;

	/* we were stopped for so long that calls went by, nobody knows how many: the next one begins anew */
	if (load(&r->decisions->until_ns) <= now) {
		store(&r->decisions->known, 0);
		r->lapses++;
	}
	store(&r->decisions->until_ns, now + RECORDING_LEASE_NS);
	n = ring_buffer__consume(r->ring);
	r->lost = load(&r->decisions->lost) - r->lost_first + r->lapses;
	return n < 0 ? n : r->err;
}

int recording_fd(const struct recording *r)
{
	return ring_buffer__epoll_fd(r->ring);
}

int recording_end(struct recording *r)
{
	struct hs_decision_mark end = {.size = sizeof(end), .type = HS_DECISION_END};
	int err = 0;

	if (r->ring) {
		store(&r->decisions->until_ns, 0);
		/* a call that had begun leaves its record yet, and another one reads it: it is nobody's then */
		ring_buffer__consume(r->ring);
		ring_buffer__free(r->ring);
		end.seq = r->seq;
		end.lost = load(&r->decisions->lost) + r->lapses;
		r->lost = end.lost - r->lost_first;
		err = write_all(r, &end, sizeof(end));
		if (!err && fsync(r->out) && errno != EINVAL && errno != EROFS)
			err = -errno;
	}
	if (r->decisions) {
		if (load(&r->decisions->recorder) == (__u32)getpid())
			store(&r->decisions->recorder, 0);
		munmap(r->decisions, sizeof(*r->decisions));
	}
	r->ring = NULL;
	r->decisions = NULL;
	return err;
}
