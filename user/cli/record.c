// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat record: what the reflex decides, and by what, into a file. It reads the kernel's memory by itself; the daemon
 * need not know.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../lib/clock.h"
#include "../lib/json.h"
#include "../lib/recording.h"
#include "../lib/units.h"
#include "cli.h"

/* Until the time is over, or somebody interrupts. 0 or negative errno. */
static int go_on(struct recording *r, int signal_fd, __u64 for_ns)
{
	const __u64 from = clock_ns();
	struct pollfd fds[] = {{.fd = signal_fd, .events = POLLIN},
			       {.fd = recording_fd(r), .events = POLLIN}};

	for (;;) {
		__u64 past = clock_ns() - from;
		int err, wait_ms = RECORDING_LOOK_MS;

		if (for_ns && past >= for_ns)
			return 0;
		if (for_ns && for_ns - past < RECORDING_LOOK_MS * NS_PER_MS)
			wait_ms = (int)((for_ns - past) / NS_PER_MS) + 1;
		if (poll(fds, 2, wait_ms) > 0 && fds[0].revents)
			return 0;
		err = recording_look(r);
		if (err)
			return err;
	}
}

static void report(struct cli *cli, const char *path, const struct recording *r)
{
	struct json_object *o;

	if (!cli->json) {
		fprintf(cli->out, "%s: %llu records, %llu bytes", path, r->records, r->bytes);
		if (r->lost)
			fprintf(cli->out, "; %llu found no room: the log has gaps", r->lost);
		fputc('\n', cli->out);
		return;
	}
	o = json_object_new_object();
	js_add_str(o, "log", path);
	js_add_u64(o, "records", r->records);
	js_add_u64(o, "bytes", r->bytes);
	js_add_u64(o, "lost", r->lost);
	out_json(cli, o);
	json_object_put(o);
}

static int record(struct cli *cli, const char *path, int out, __u64 for_ns, bool all)
{
	int decisions_fd, ring_fd, signal_fd, err, end;
	struct recording r = {0};
	char error[512] = "";
	sigset_t set;

	err = recording_find(&decisions_fd, &ring_fd, error, sizeof(error));
	if (err) {
		cli_error(cli, "%s", error);
		return err == -EPERM || err == -EACCES ? CLI_REFUSED : CLI_FAILED;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	err = recording_begin(&r, decisions_fd, ring_fd, out, all, NULL, error, sizeof(error));
	if (err)
		cli_error(cli, "%s", error);
	else
		err = go_on(&r, signal_fd, for_ns);
	end = recording_end(&r);
	if (!err && end)
		err = end;
	if (err && *error == '\0')
		cli_error(cli, "%s: %s; what is there may be replayed", path, strerror(-err));
	close(signal_fd);
	close(decisions_fd);
	close(ring_fd);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	if (err)
		return CLI_FAILED;
	report(cli, path, &r);
	return r.lost ? CLI_FINDINGS : CLI_OK;
}

int cmd_record(struct cli *cli, int argc, char **argv)
{
	const char *path = NULL, *time = NULL;
	bool all = false;
	const struct cli_option options[] = {
		{"--out", &path, NULL}, {"--for", &time, NULL}, {"--all", NULL, &all}, {0}};
	int rc = cli_options(cli, options, &argc, argv), out;
	__u64 for_ns = 0;

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "record takes no argument");
	if (!path)
		return cli_usage(cli, "record wants --out FILE");
	if (time && (unit_parse(time, UNIT_NS, &for_ns) || !for_ns))
		return cli_usage(cli, "--for wants a time such as 10s, not '%s'", time);
	out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0) {
		cli_error(cli, "%s: %s%s", path, strerror(errno),
			  errno == EEXIST ? "; a log is never overwritten" : "");
		return CLI_FAILED;
	}
	rc = record(cli, path, out, for_ns, all);
	close(out);
	if (rc == CLI_FAILED || rc == CLI_REFUSED) {
		struct decision_log_head head;
		int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

		/* nothing came of it */
		if (fd >= 0 && read(fd, &head, sizeof(head)) != sizeof(head))
			unlink(path);
		if (fd >= 0)
			close(fd);
	}
	return rc;
}
