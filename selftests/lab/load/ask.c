// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Asks homeostatd something that the CLI has no verb for: sends one line of JSON, prints the reply.
 * Exit code 0 where the reply is "ok":true, 1 where it is not.
 */
#include "load.h"
#include <sys/socket.h>
#include <sys/un.h>

static const char usage[] = "Sends the request REQUEST (JSON) to homeostatd and prints the reply.\n"
			    "  -S PATH  control socket (default /run/homeostat/control.sock)\n"
			    "  -j REQUEST\n";

int main(int argc, char **argv)
{
	struct load l = {.name = "ask", .usage = usage};
	struct timeval patience = {.tv_sec = 5};
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	const char *path = "/run/homeostat/control.sock", *request = NULL;
	char reply[4096];
	size_t len = 0;
	int c, fd;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "S:j:")) != -1) {
		if (c == 'S')
			path = optarg;
		else if (c == 'j')
			request = optarg;
		else
			load_option(&l, c, optarg);
	}
	if (!request)
		errx(2, "what? see -h");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(u.sun_path, sizeof(u.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (void *)&u, sizeof(u)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    dprintf(fd, "%s\n", request) < 0)
		err(1, "%s", path);
	while (len < sizeof(reply) - 1 && !memchr(reply, '\n', len)) {
		ssize_t n = read(fd, reply + len, sizeof(reply) - 1 - len);

		if (n <= 0)
			errx(1, "no reply");
		len += (size_t)n;
	}
	reply[len] = 0;
	fputs(reply, stdout);
	return !strstr(reply, "\"ok\":true");
}
