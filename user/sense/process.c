// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat-sense as a process: what it is asked, and what it may. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "filter.h"
#include "log.h"
#include "sense.h"

bool sense_request_ok(const void *message, size_t size)
{
	const struct sense_request *r = message;

	return size == sizeof(*r) && r->sensors && !(r->sensors >> SENSE_SENSORS) && r->whole <= 1;
}

int sense_answer(struct sense *s, int fd)
{
	struct sense_request q;
	struct sense_reading r;
	ssize_t n;

	do {
		n = recv(fd, &q, sizeof(q), MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n ? -errno : -EPIPE;
	if (!sense_request_ok(&q, (size_t)n))
		return -EINVAL;
	s->instructions = q.instructions;
	s->whole = q.whole;
	for (__u32 sensor = 0; sensor < SENSE_SENSORS; sensor++) {
		if (!(q.sensors >> sensor & 1))
			continue;
		sense_read(s, sensor, &r);
		/* each as it comes: the next one may hang */
		if (send(fd, &r, sizeof(r), MSG_NOSIGNAL) != (ssize_t)sizeof(r))
			return -EPIPE;
	}
	return 0;
}

#define WRITES (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)

/* Files are read, never made nor changed; what is written goes to the log. */
static int filter(void)
{
	static const int calls[] = {
		SCMP_SYS(recvfrom),    SCMP_SYS(sendto),       SCMP_SYS(read),
		SCMP_SYS(close),       SCMP_SYS(getdents64),   SCMP_SYS(fstat),
		SCMP_SYS(newfstatat),  SCMP_SYS(lseek),	       SCMP_SYS(access),
		SCMP_SYS(faccessat),   SCMP_SYS(faccessat2),   SCMP_SYS(clock_gettime),
		SCMP_SYS(brk),	       SCMP_SYS(munmap),       SCMP_SYS(ppoll),
		SCMP_SYS(exit_group),  SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
		SCMP_SYS(sigaltstack), /* a build with AddressSanitizer, when it exits */
	};
	static const struct filter_row rows[] = {
		{SCMP_SYS(openat), FILTER_LACKS(2, WRITES)},
		{SCMP_SYS(open), FILTER_LACKS(1, WRITES)},
		{SCMP_SYS(write), FILTER_IS(0, STDERR_FILENO)},
		{SCMP_SYS(mmap), FILTER_LACKS(2, PROT_EXEC)},
	};
	static const struct filter_table table = {
		.calls = calls,
		.calls_nr = sizeof(calls) / sizeof(calls[0]),
		.rows = rows,
		.rows_nr = sizeof(rows) / sizeof(rows[0]),
	};

	return filter_load(&table);
}

static void be_sense(void *root)
{
	static struct sense s; /* large, and in this process alone */
	int err;

	sense_open(&s, root);
	do {
		err = sense_answer(&s, CHILD_FD);
	} while (!err);
	if (err == -EINVAL)
		log_error("homeostat-sense: a request that makes no sense");
}

/*
 * It keeps no capability. What it reads can be read by everybody, or is uid 0's, as which it runs like the daemon: RAPL's energy_uj is
 * mode 0400, root's, and opening it takes no capability of its owner.
 */
const struct child_role sense_role = {
	.name = "homeostat-sense",
	.type = SOCK_SEQPACKET,
	.mortal = true,
	.filter = filter,
	.live = be_sense,
};
