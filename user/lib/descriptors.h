/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Open descriptors that go with a request over the control socket (control.h), by SCM_RIGHTS. */
#ifndef HOMEOSTAT_DESCRIPTORS_H
#define HOMEOSTAT_DESCRIPTORS_H

#include <stddef.h>
#include <sys/types.h>

#define DESCRIPTORS_MAX 2 /* with one request: a link, and its program */

/* Owned by whoever holds it; zeroed = none. */
struct descriptors {
	int fd[DESCRIPTORS_MAX];
	int nr;
};

/* send() of @data, with @fds (NULL or none: without) at its first byte; they stay the caller's. Bytes sent, or -1 and errno. */
ssize_t descriptors_send(int socket, const void *data, size_t size, const struct descriptors *fds);

/*
 * recv() into @data, without waiting; what comes with it is added to @fds, close-on-exec. Bytes received, 0 at the end, or -1
 * and errno. EMSGSIZE: more came than @fds has room for; all that came now is closed, what was in @fds stays.
 */
ssize_t descriptors_receive(int socket, void *data, size_t size, struct descriptors *fds);

/* Closes them all. */
void descriptors_close(struct descriptors *fds);

#endif
