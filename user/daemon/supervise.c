// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "daemon.h"
#include "log.h"
#include "notify.h"
#include "private_file.h"
#include "undo.h"

static const int passed_on[] = {SIGTERM, SIGINT, SIGHUP};

/* What is waited for. */
static void our_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(*passed_on); i++)
		sigaddset(set, passed_on[i]);
}

/* In the child; in a group of its own, to which a daemon without guard can be traced. Never returns. */
static void become_guard(const struct supervise *s)
{
	char **argv;
	sigset_t none;
	int argc = 0;

	while (s->argv[argc])
		argc++;
	argv = calloc((size_t)argc + 5, sizeof(*argv));
	if (!argv)
		_exit(1);
	argv[0] = (char *)s->guard;
	argv[1] = (char *)"--rundir";
	argv[2] = (char *)s->dir;
	argv[3] = (char *)"--";
	memcpy(argv + 4, s->argv, (size_t)argc * sizeof(*argv));
	sigemptyset(&none);
	if (!setpgid(0, 0) && !prctl(PR_SET_PDEATHSIG, SIGTERM, 0UL, 0UL, 0UL) &&
	    !sigprocmask(SIG_SETMASK, &none, NULL))
		execv(s->guard, argv);
	log_error("supervise: %s: %s", s->guard, strerror(errno));
	_exit(127);
}

struct watch {
	bool ready; /* it has come up, and is not about to end */
	__u64 last_ns;
	int late; /* looks at which it was */
};

/* Has it said nothing for the watchdog's time, look after look? True once. */
static bool is_deaf(const struct supervise *s, struct watch *w)
{
	__u64 now = clock_ns();
	char text[NOTIFY_LEN];

	while (notify_hear(s->notify, text)) {
		w->ready = strncmp(text, "STOPPING=1", 10) &&
			   (w->ready || !strncmp(text, "READY=1", 7));
		w->last_ns = now;
	}
	if (!w->ready || now - w->last_ns < s->watchdog_ns)
		w->late = 0;
	else
		w->late++;
	return w->late == SUPERVISE_LOOKS / 2;
}

/* Until the guard is dead; it stays a zombie, so that its number is nobody else's. */
static void wait_for(const struct supervise *s, pid_t pid, bool *stop)
{
	const struct timespec look = clock_timespec(s->watchdog_ns / SUPERVISE_LOOKS);
	struct watch watch = {0};
	siginfo_t info = {0};
	sigset_t set;
	int signal;

	our_signals(&set);
	while (!info.si_pid) {
		signal = sigtimedwait(&set, NULL, &look);
		if (signal > 0 && signal != SIGCHLD) {
			*stop |= signal != SIGHUP;
			kill(pid, signal);
		}
		if (s->notify >= 0 && is_deaf(s, &watch)) {
			log_error("supervise: guard and daemon are deaf: killed");
			kill(-pid, SIGKILL);
		}
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT))
			return;
	}
}

static void report(void *ctx, const struct undo_entry *e, enum undo_outcome outcome, int err)
{
	(void)ctx;
	log_warn("supervise: %s: %s%s%s (%s)", e->path, undo_outcome_name(outcome), err ? ": " : "",
		 err ? strerror(-err) : "", e->old);
}

/* What guard and restorer should have done, and did, unless they were killed, too. */
static void put_back(const struct supervise *s, pid_t group)
{
	struct undo undo;
	int err = undo_open(&undo, s->dir, s->root, false);

	if (err == -ENOENT)
		return;
	if (!err) {
		int patience_ms = (int)s->patience_ms;

		err = undo_settle(&undo, s->root, patience_ms, patience_ms, report, NULL);
		if (err == -EBUSY) {
			kill(-group, SIGKILL);
			log_error("supervise: the daemon does not end without its guard: killed");
			err = undo_settle(&undo, s->root, patience_ms, patience_ms, report, NULL);
		}
	}
	if (err < 0)
		log_error("supervise: %s/" UNDO_FILE ": %s", s->dir, undo_error(err));
	undo_close(&undo);
}

__u64 supervise_pause(struct supervise *s, __u64 now_ns)
{
	__u64 pause, last = s->end_ns[0], first = s->end_ns[SUPERVISE_ENDS - 2];

	/* what ran for long has earned a quick start */
	if (!last || now_ns - last > SUPERVISE_WINDOW_NS)
		s->next_pause_ns = s->pause_ns;
	memmove(s->end_ns + 1, s->end_ns, sizeof(s->end_ns) - sizeof(s->end_ns[0]));
	s->end_ns[0] = now_ns;
	if (first && now_ns - first <= SUPERVISE_WINDOW_NS)
		return 0;
	pause = s->next_pause_ns;
	s->next_pause_ns = 2 * pause > SUPERVISE_PAUSE_MAX_NS ? SUPERVISE_PAUSE_MAX_NS : 2 * pause;
	return pause;
}

/* True: told to stop meanwhile. */
static bool rest(__u64 pause_ns)
{
	__u64 end = clock_ns() + pause_ns, now;
	sigset_t set;
	int signal;

	our_signals(&set);
	while ((now = clock_ns()) < end) {
		struct timespec left = clock_timespec(end - now);

		signal = sigtimedwait(&set, NULL, &left);
		if (signal == SIGTERM || signal == SIGINT)
			return true;
	}
	return false;
}

/* One life. Its exit code; 128 + signal: the guard itself was killed. */
static int one_life(const struct supervise *s, bool *stop)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		become_guard(s);
	if (pid < 0) {
		log_error("supervise: %s", strerror(errno));
		return 1;
	}
	wait_for(s, pid, stop);
	put_back(s, pid);
	if (waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int listen_to_it(const struct supervise *s)
{
	char path[PATH_MAX], why[160];
	int dir_fd = private_dir(AT_FDCWD, s->dir, 0755, why, sizeof(why));

	if (dir_fd < 0)
		return dir_fd;
	close(dir_fd);
	snprintf(path, sizeof(path), "%s/notify", s->dir);
	return notify_listen(path, s->watchdog_ns);
}

int supervise(struct supervise *s)
{
	bool stop = false;
	sigset_t set;
	__u64 pause;
	int code;

	our_signals(&set);
	/* ignored, as some start their children, it would never come, and nobody could be waited for */
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR || sigprocmask(SIG_BLOCK, &set, NULL))
		return 1;
	s->notify = listen_to_it(s);
	if (s->notify < 0 && s->notify != -EALREADY)
		log_warn("supervise: no watchdog: %s", strerror(-s->notify));
	for (;;) {
		code = one_life(s, &stop);
		if (stop || !code || code == 2)
			return code;
		pause = supervise_pause(s, clock_ns());
		if (!pause)
			break;
		log_error("supervise: ended with %d; started again in %llu ms", code,
			  pause / NS_PER_MS);
		if (rest(pause))
			return 0;
	}
	log_error("supervise: ended with %d, %d times within %llu minutes: given up. The host is "
		  "stock; "
		  "the log above says why. Start homeostatd again once that is dealt with",
		  code, SUPERVISE_ENDS, SUPERVISE_WINDOW_NS / NS_PER_S / 60);
	return 1;
}

int supervise_self(const struct options *opt, int argc, char **argv)
{
	static char self[PATH_MAX], guard[PATH_MAX + 32], at[PATH_MAX], socket[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char **own = calloc((size_t)argc + 1, sizeof(*own));
	struct supervise s = {.guard = guard,
			      .argv = own,
			      .root = opt->root,
			      .pause_ns = SUPERVISE_PAUSE_NS,
			      .patience_ms = 6000,
			      .watchdog_ns = SUPERVISE_WATCHDOG_NS};
	int code;

	if (len <= 0 || !own) {
		log_error("supervise: own path: %s", strerror(errno));
		free(own);
		return 1;
	}
	memcpy(at, self, (size_t)len);
	snprintf(guard, sizeof(guard), "%s/homeostat-guard", dirname(at));
	snprintf(socket, sizeof(socket), "%s", opt->socket);
	s.dir = dirname(socket);
	/* --supervise stays: --guard-fd, which the guard adds, overrides it */
	memcpy(own, argv, (size_t)argc * sizeof(*own));
	own[0] = self;
	code = supervise(&s);
	free(own);
	return code;
}
