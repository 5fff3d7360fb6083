// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What a daemon may say to a client, however it is cut into packets: a byte 0xff is where. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"
#include "json.h"

#define PACKETS_MAX 16
#define BYTES_MAX 65536 /* what the socket takes without a reader */

static char path[64];

static void remove_socket(void)
{
	unlink(path);
}

static int listener(void)
{
	static int fd = -1;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/tmp/homeostat-fuzz-%d.sock", getpid());
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	promise(fd >= 0 && !bind(fd, (struct sockaddr *)&addr, sizeof(addr)) && !listen(fd, 4));
	atexit(remove_socket);
	return fd;
}

static void take(struct control *control)
{
	struct json_object *reply = NULL;
	int err;

	while (!(err = control_recv(control, 0, &reply)) || err == -EPROTO) {
		promise(err || json_object_is_type(reply, json_type_object));
		if (!err)
			json_object_put(reply);
		reply = NULL;
	}
	promise(err == -ETIMEDOUT || err == -EPIPE || err == -EMSGSIZE);
}

int FUZZ_TARGET(client)(const uint8_t *data, size_t size)
{
	int fd = listener(), peer;
	struct control *control;

	if (size > BYTES_MAX)
		return -1;
	promise(!control_open(&control, path));
	peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	promise(peer >= 0);
	for (int i = 0; i < PACKETS_MAX && size; i++) {
		const uint8_t *end = memchr(data, 0xff, size);
		size_t len = end ? (size_t)(end - data) : size;

		promise(send(peer, data, len, MSG_NOSIGNAL) == (ssize_t)len);
		take(control);
		size -= len + (end != NULL);
		data += len + (end != NULL);
	}
	close(peer);
	take(control);
	control_close(control);
	return 0;
}
