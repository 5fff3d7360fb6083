// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "descriptors.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for what goes with one message, aligned as its header wants it. */
union rights {
	struct cmsghdr head;
	char room[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

ssize_t descriptors_send(int socket, const void *data, size_t size, const struct descriptors *fds)
{
	struct iovec part = {.iov_base = (void *)data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	union rights rights;

	if (fds && fds->nr) {
		size_t bytes = (size_t)fds->nr * sizeof(int);

		memset(&rights, 0, sizeof(rights));
		rights.head.cmsg_level = SOL_SOCKET;
		rights.head.cmsg_type = SCM_RIGHTS;
		rights.head.cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(&rights.head), fds->fd, bytes);
		message.msg_control = &rights;
		message.msg_controllen = CMSG_SPACE(bytes);
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL);
}

/* All that came with a message. */
static void take(struct msghdr *message, struct descriptors *came)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
		    bytes > sizeof(came->fd))
			continue;
		memcpy(came->fd, CMSG_DATA(c), bytes);
		came->nr = (int)(bytes / sizeof(int));
	}
}

ssize_t descriptors_receive(int socket, void *data, size_t size, struct descriptors *fds)
{
	struct iovec part = {.iov_base = data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct descriptors came = {0};
	union rights rights;
	ssize_t n;

	message.msg_control = &rights;
	message.msg_controllen = sizeof(rights);
	n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return n;
	take(&message, &came);
	/* what had no room the kernel has closed */
	if (message.msg_flags & MSG_CTRUNC || fds->nr + came.nr > DESCRIPTORS_MAX) {
		descriptors_close(&came);
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(fds->fd + fds->nr, came.fd, (size_t)came.nr * sizeof(int));
	fds->nr += came.nr;
	return n;
}

void descriptors_close(struct descriptors *fds)
{
	for (int i = 0; i < fds->nr; i++)
		close(fds->fd[i]);
	fds->nr = 0;
}
