// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "door.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "log.h"
#include "private_file.h"

/* Held until the process ends or door_close(); 0, -EADDRINUSE: somebody has it, or another errno. */
static int lock_path(struct door *door)
{
	char path[sizeof(door->path) + 8];

	snprintf(path, sizeof(path), "%s.lock", door->path);
	door->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (door->lock_fd < 0)
		return -errno;
	if (flock(door->lock_fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	return 0;
}

/* The inode at the path, 0 = there is none. */
static ino_t inode_at(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? 0 : st.st_ino;
}

/* 0: the path is free (a dead socket was removed); -EADDRINUSE: somebody listens there. */
static int clear_path(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, err;

	if (lstat(addr->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	/* non-blocking: a daemon that hangs has a full queue (EAGAIN), and is there all the same */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? errno : 0;
	close(fd);
	if (!err || err == EAGAIN)
		return -EADDRINUSE;
	if (err != ECONNREFUSED)
		return -err;
	return unlink(addr->sun_path) ? -errno : 0;
}

static int listen_on(struct door *door)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct group *group = getgrnam(CONTROL_GROUP);
	char dir[sizeof(addr.sun_path)], why[160];
	mode_t mask;
	int err, dir_fd;

	strcpy(addr.sun_path, door->path);
	strcpy(dir, door->path);
	dir_fd = private_dir(AT_FDCWD, dirname(dir), 0755, why, sizeof(why));
	if (dir_fd < 0) {
		log_error("%s: %s", dir, why);
		return dir_fd;
	}
	close(dir_fd);
	err = lock_path(door);
	if (!err)
		err = clear_path(&addr);
	if (err)
		return err;
	door->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (door->fd < 0)
		return -errno;
	/* nobody but us until owner and mode are right */
	mask = umask(0177);
	err = bind(door->fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	umask(mask);
	if (err)
		return err;
	door->inode = inode_at(door->path);
	if (group && (chown(door->path, (uid_t)-1, group->gr_gid) || chmod(door->path, 0660)))
		log_warn("%s: not given to group %s: %s", door->path, CONTROL_GROUP,
			 strerror(errno));
	return listen(door->fd, DOOR_QUEUE) ? -errno : 0;
}

int door_open(struct door *door, const char *path)
{
	int err;

	*door = (struct door){.fd = -1, .lock_fd = -1};
	if (strlen(path) >= sizeof(door->path))
		return -ENAMETOOLONG;
	strcpy(door->path, path);
	err = listen_on(door);
	if (err)
		door_close(door);
	return err;
}

void door_close(struct door *door)
{
	if (door->fd >= 0)
		close(door->fd);
	if (door->inode && inode_at(door->path) == door->inode)
		unlink(door->path);
	if (door->lock_fd >= 0)
		close(door->lock_fd);
	*door = (struct door){.fd = -1, .lock_fd = -1};
}
