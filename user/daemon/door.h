/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The control socket as it lies in the file system: one daemon listens there, and nobody can put another in its place. */
#ifndef HOMEOSTAT_DOOR_H
#define HOMEOSTAT_DOOR_H

#include <sys/types.h>
#include <sys/un.h>

#define DOOR_QUEUE 64 /* connections that wait to be accepted */

struct door {
	int fd; /* listens; -1 = closed */
	int lock_fd;
	ino_t inode; /* of our socket, 0 = none: the path may be another's by the time we go */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* See server_open() for what is done about who is there. 0, or negative errno, and it is closed. */
int door_open(struct door *door, const char *path);

/* Removes the socket, if it is still ours. */
void door_close(struct door *door);

#endif
