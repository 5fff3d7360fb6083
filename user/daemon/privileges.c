// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "privileges.h"

#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter.h"
#include "heartbeat.h"
#include "log.h"

/* Allowed whatever their arguments are. */
static const int calls[] = {
	/* the loop: waiting, time, and the descriptors that it waits for */
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(restart_syscall),
	/* reading and writing what is open, /proc and /sys */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(fcntl),
	SCMP_SYS(openat),
	SCMP_SYS(open),
	SCMP_SYS(fstat),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(fstatfs),
	SCMP_SYS(statfs),
	SCMP_SYS(getdents64),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),
	/* incident records, undo table, breaker: written whole, or not at all */
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(msync),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(flock),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(umask),
	/* clients, the guard, the supervisor: over sockets of AF_UNIX, see below */
	SCMP_SYS(accept4),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(connect),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(shutdown),
	/* memory; that nothing becomes executable is seen to below */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(mlock),
	SCMP_SYS(munlock),
	/* the end of a child that was started before: the scribe */
	SCMP_SYS(wait4),
	/* threads and signals within the process; clone3 is refused by a filter of its own */
	SCMP_SYS(clone3),
	SCMP_SYS(futex),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(sched_yield),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(eventfd2),
	SCMP_SYS(pipe2),
	/* the heartbeat's priority and CPUs: bounded by RLIMIT_RTPRIO */
	SCMP_SYS(sched_setscheduler),
	SCMP_SYS(sched_getscheduler),
	SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_setaffinity),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_get_priority_min),
	SCMP_SYS(sched_get_priority_max),
	/* who and where we are */
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getrusage),
	SCMP_SYS(getrandom),
};

#define NEW_WORLD                                                                                  \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)

static const struct filter_row rows[] = {
	/* maps and links of what is loaded; nothing is loaded, pinned or found by id any more */
	{SCMP_SYS(bpf), FILTER_IS(0, BPF_MAP_LOOKUP_ELEM)},
	{SCMP_SYS(bpf), FILTER_IS(0, BPF_MAP_UPDATE_ELEM)},
	{SCMP_SYS(bpf), FILTER_IS(0, BPF_MAP_DELETE_ELEM)},
	{SCMP_SYS(bpf), FILTER_IS(0, BPF_MAP_GET_NEXT_KEY)},
	{SCMP_SYS(bpf), FILTER_IS(0, BPF_MAP_LOOKUP_BATCH)},
	{SCMP_SYS(bpf), FILTER_IS(0, BPF_PROG_TEST_RUN)},
	{SCMP_SYS(bpf), FILTER_IS(0, BPF_OBJ_GET_INFO_BY_FD)},
	{SCMP_SYS(bpf), FILTER_IS(0, BPF_RAW_TRACEPOINT_OPEN)},
	{SCMP_SYS(bpf), FILTER_IS(0, BPF_LINK_CREATE)},
	{SCMP_SYS(bpf), FILTER_IS(0, BPF_ITER_CREATE)},
	/* the processors' counters, which are open */
	{SCMP_SYS(ioctl), FILTER_IS(1, PERF_EVENT_IOC_ENABLE)},
	{SCMP_SYS(ioctl), FILTER_IS(1, PERF_EVENT_IOC_DISABLE)},
	/* sd_notify and clients: no network */
	{SCMP_SYS(socket), FILTER_IS(0, AF_UNIX)},
	/* no code that was not in the program when it started */
	{SCMP_SYS(mmap), FILTER_LACKS(2, PROT_EXEC)},
	{SCMP_SYS(mprotect), FILTER_LACKS(2, PROT_EXEC)},
	/* threads, never a process or a namespace; clone3: see privileges_filter() */
	{SCMP_SYS(clone),
	 SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD | NEW_WORLD, CLONE_THREAD)},
	{SCMP_SYS(tgkill), FILTER_IS(0, FILTER_OURSELVES)},
	{SCMP_SYS(kill), FILTER_IS(0, FILTER_OURSELVES)}, /* abort() */
	/* a thread's name and timer slack */
	{SCMP_SYS(prctl), FILTER_IS(0, PR_SET_NAME)},
	{SCMP_SYS(prctl), FILTER_IS(0, PR_SET_TIMERSLACK)},
	/* limits may be read */
	{SCMP_SYS(prlimit64), FILTER_IS(2, 0)},
};

int privileges_filter(void)
{
	static const struct filter_table table = {
		.calls = calls,
		.calls_nr = sizeof(calls) / sizeof(calls[0]),
		.rows = rows,
		.rows_nr = sizeof(rows) / sizeof(rows[0]),
	};
	/*
	 * clone3 hides its flags in memory, where no filter can see them: ENOSYS makes libc fall back on clone.
	 * That happens with every thread, so it has a filter of its own, which does not log.
	 */
	int err = filter_refuse(SCMP_SYS(clone3), ENOSYS);

	return err ? err : filter_load(&table);
}

/* What a limit can do instead of a capability. */
static const struct substitute {
	int resource;
	rlim_t value;
	const char *limit_name;
	cap_value_t cap;
	const char *cap_name;
} substitutes[] = {
	/* memory that is mapped after mlockall(MCL_FUTURE) counts */
	{RLIMIT_MEMLOCK, RLIM_INFINITY, "RLIMIT_MEMLOCK", CAP_IPC_LOCK, "CAP_IPC_LOCK"},
	{RLIMIT_RTPRIO, HEARTBEAT_PRIORITY, "RLIMIT_RTPRIO", CAP_SYS_NICE, "CAP_SYS_NICE"},
};

/* The limit cannot be raised: the capability stays, if it is there at all. */
static void keep(cap_t caps, const struct substitute *s, int error)
{
	cap_flag_value_t has = CAP_CLEAR;
	cap_t now = cap_get_proc();

	if (now && !cap_get_flag(now, s->cap, CAP_PERMITTED, &has) && has == CAP_SET) {
		log_warn("%s: %s; %s is kept", s->limit_name, strerror(error), s->cap_name);
		cap_set_flag(caps, CAP_PERMITTED, 1, &s->cap, CAP_SET);
		cap_set_flag(caps, CAP_EFFECTIVE, 1, &s->cap, CAP_SET);
	}
	cap_free(now);
}

/* The capabilities that nothing can replace: usually none. NULL: out of memory. */
static cap_t what_stays(void)
{
	cap_t caps = cap_init();

	for (size_t i = 0; i < sizeof(substitutes) / sizeof(substitutes[0]) && caps; i++) {
		const struct substitute *s = &substitutes[i];
		struct rlimit limit = {s->value, s->value};

		if (setrlimit(s->resource, &limit))
			keep(caps, s, errno);
	}
	return caps;
}

/* Root is nobody special any more, and what is given up cannot be raised again: for good. */
static void shut_the_ways_back(void)
{
	unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
			     SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
			     SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

	if (cap_set_secbits((unsigned int)bits))
		log_debug("securebits: %s", strerror(errno));
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++) {
		if (cap_get_bound(cap) > 0 && cap_drop_bound(cap)) {
			log_debug("bounding set: %s; no_new_privs will do", strerror(errno));
			break;
		}
	}
	cap_reset_ambient();
}

/* Threads of this process; 0 = could not be counted. */
static int threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int nr = 0;

	while (dir && (entry = readdir(dir)))
		nr += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return nr;
}

int privileges_drop(void)
{
	int err = 0;
	cap_t caps;

	if (threads() > 1) {
		log_error("giving up privileges: other threads run already, and would keep theirs");
		return -EBUSY;
	}
	caps = what_stays();
	if (!caps)
		return -ENOMEM;
	shut_the_ways_back();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || cap_set_proc(caps))
		err = -errno;
	cap_free(caps);
	if (err) {
		log_error("giving up privileges: %s", strerror(-err));
		return err;
	}
	err = privileges_filter();
	if (err)
		log_warn("no system call filter: %s; the rest of the privileges is given up",
			 strerror(-err));
	return 0;
}
