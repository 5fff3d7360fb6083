// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "guard_link.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/types.h>

union control {
	struct cmsghdr head;
	char space[CMSG_SPACE(2 * sizeof(int))];
};

int guard_take(int fd)
{
	int type = 0, domain = 0;
	socklen_t size = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size))
		return -errno;
	if (type != SOCK_SEQPACKET || domain != AF_UNIX)
		return -EPROTOTYPE;
	return fcntl(fd, F_SETFD, FD_CLOEXEC) ? -errno : 0;
}

static int say(int fd, __u32 message, const int *fds)
{
	union control control = {.head = {.cmsg_len = CMSG_LEN(2 * sizeof(int)),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {&message, sizeof(message)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fds) {
		memcpy(CMSG_DATA(&control.head), fds, 2 * sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	/* a guard that is stopped must not stop us */
	return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int guard_hello(int fd, int gate_fd, int pulse_fd)
{
	return say(fd, GUARD_HELLO, (int[]){gate_fd, pulse_fd});
}

int guard_tripped(int fd)
{
	return fd < 0 ? -ENOTCONN : say(fd, GUARD_TRIPPED, NULL);
}

bool guard_gone(int fd)
{
	__u32 message;
	ssize_t n = recv(fd, &message, sizeof(message), MSG_DONTWAIT);

	return !n || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* The two descriptors of a hello; -EPROTO: it brought others, which are closed. */
static int take_fds(struct msghdr *msg, int fds[2])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int got[2];
	size_t nr;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(got, CMSG_DATA(c), nr * sizeof(int)); /* no more than there was room for */
	if (nr == 2 && !(msg->msg_flags & MSG_CTRUNC)) {
		memcpy(fds, got, sizeof(got));
		return 0;
	}
	for (size_t i = 0; i < nr; i++)
		close(got[i]);
	return -EPROTO;
}

int guard_hear(int fd, int fds[2])
{
	union control control;
	__u32 message = GUARD_NOTHING;
	struct iovec iov = {&message, sizeof(message)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	ssize_t n;
	int err;

	if (fds)
		fds[0] = fds[1] = -1;
	n = fds ? recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT)
		: read(fd, &message, sizeof(message));
	if (n <= 0)
		return n ? -errno : GUARD_NOTHING;
	if (n != sizeof(message) || (message != GUARD_HELLO && message != GUARD_TRIPPED))
		return -EPROTO;
	if (fds && message == GUARD_HELLO) {
		err = take_fds(&msg, fds);
		if (err)
			return err;
	}
	return (int)message;
}
