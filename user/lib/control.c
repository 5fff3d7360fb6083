// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "descriptors.h"
#include "json.h"

#define CALL_TIMEOUT_MS 5000

struct control {
	int fd;
	char *buf; /* bytes received and not yet handed out */
	size_t len;
	size_t size;
};

int control_open(struct control **out, const char *path)
{
	static const struct timeval patience = {.tv_sec = CALL_TIMEOUT_MS / 1000};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct control *control;
	int err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	control = calloc(1, sizeof(*control));
	if (!control)
		return -ENOMEM;
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* a daemon that hangs accepts nobody: connect() would wait for ever once its queue is full */
	if (control->fd < 0 ||
	    setsockopt(control->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    connect(control->fd, (struct sockaddr *)&addr, sizeof(addr))) {
		err = errno == EAGAIN ? -ETIMEDOUT : -errno;
		control_close(control);
		return err;
	}
	*out = control;
	return 0;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	if (control->fd >= 0)
		close(control->fd);
	free(control->buf);
	free(control);
}

int control_fd(const struct control *control)
{
	return control->fd;
}

static int send_line(struct control *control, struct json_object *request,
		     const struct descriptors *fds)
{
	const char *line = js_line(request);
	char buf[CONTROL_REQUEST_MAX];
	size_t len, sent = 0;

	len = line ? strlen(line) : 0;
	if (!len || len + 1 > sizeof(buf))
		return -EMSGSIZE;
	memcpy(buf, line, len);
	buf[len++] = '\n';
	while (sent < len) {
		ssize_t n =
			descriptors_send(control->fd, buf + sent, len - sent, sent ? NULL : fds);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			sent += (size_t)n;
	}
	return 0;
}

int control_send(struct control *control, struct json_object *request)
{
	return send_line(control, request, NULL);
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Takes the first line out of the buffer, if there is a whole one. */
static int take_line(struct control *control, struct json_object **reply)
{
	char *end = control->len ? memchr(control->buf, '\n', control->len) : NULL;
	size_t len;

	if (!end)
		return -EAGAIN;
	len = end - control->buf;
	*reply = js_parse(control->buf, len);
	control->len -= len + 1;
	memmove(control->buf, end + 1, control->len);
	return *reply ? 0 : -EPROTO;
}

/* Makes room and reads once. Returns 0 or negative errno. */
static int fill(struct control *control)
{
	ssize_t n;

	if (control->len == control->size) {
		size_t size = control->size ? control->size * 2 : 4096;
		char *buf;

		if (size > CONTROL_REPLY_MAX)
			return -EMSGSIZE;
		buf = realloc(control->buf, size);
		if (!buf)
			return -ENOMEM;
		control->buf = buf;
		control->size = size;
	}
	n = recv(control->fd, control->buf + control->len, control->size - control->len, 0);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (!n)
		return -EPIPE;
	control->len += n;
	return 0;
}

int control_recv(struct control *control, int timeout_ms, struct json_object **reply)
{
	long deadline = now_ms() + timeout_ms;
	int err;

	for (;;) {
		struct pollfd pfd = {.fd = control->fd, .events = POLLIN};
		long left = timeout_ms < 0 ? -1 : deadline - now_ms();

		err = take_line(control, reply);
		if (err != -EAGAIN)
			return err;
		if (timeout_ms >= 0 && left < 0)
			left = 0;
		err = poll(&pfd, 1, (int)left);
		if (err < 0 && errno != EINTR)
			return -errno;
		if (err == 0)
			return -ETIMEDOUT;
		if (err < 0)
			continue;
		err = fill(control);
		if (err)
			return err;
	}
}

int control_call_with(struct control *control, struct json_object *request,
		      const struct descriptors *fds, struct json_object **reply)
{
	__u64 error = 0;
	bool ok = false;
	int err;

	err = send_line(control, request, fds);
	if (!err)
		err = control_recv(control, CALL_TIMEOUT_MS, reply);
	if (err)
		return err;
	js_get_bool(*reply, "ok", &ok);
	if (ok)
		return 0;
	js_get_u64(*reply, "errno", &error);
	return error && error < 4096 ? -(int)error : -EREMOTEIO;
}

int control_call(struct control *control, struct json_object *request, struct json_object **reply)
{
	return control_call_with(control, request, NULL, reply);
}

struct json_object *control_request(const char *verb)
{
	struct json_object *request = json_object_new_object();

	if (!js_add_str(request, "verb", verb)) {
		json_object_put(request);
		return NULL;
	}
	return request;
}
