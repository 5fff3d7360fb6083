// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The system call filter and the dropping of capabilities, each in a child that goes out with its
 * answer. What is refused is refused with EPERM: a child that dies has failed.
 */
#include "fixture.h"

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "heartbeat.h"
#include "privileges.h"

/* Runs `fn` in a child; what it returns: 0, or what went wrong. */
static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Each with arguments that the kernel itself would refuse, or that harm nothing, were it let through. */
static const struct {
	const char *name;
	long nr, a, b, c, d;
} forbidden[] = {
	{"execve", SYS_execve, 0, 0, 0, 0},
	{"execveat", SYS_execveat, -1, 0, 0, 0},
	{"fork", SYS_fork, 0, 0, 0, 0},
	{"vfork by clone", SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0},
	{"clone of a user namespace", SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0},
	{"unshare", SYS_unshare, CLONE_NEWUSER, 0, 0, 0},
	{"setns", SYS_setns, -1, 0, 0, 0},
	{"ptrace", SYS_ptrace, PTRACE_PEEKDATA, 0, 0, 0},
	{"process_vm_writev", SYS_process_vm_writev, 0, 0, 0, 0},
	{"mount", SYS_mount, 0, 0, 0, 0},
	{"umount2", SYS_umount2, 0, 0, 0, 0},
	{"pivot_root", SYS_pivot_root, 0, 0, 0, 0},
	{"chroot", SYS_chroot, 0, 0, 0, 0},
	{"init_module", SYS_init_module, 0, 0, 0, 0},
	{"finit_module", SYS_finit_module, -1, 0, 0, 0},
	{"delete_module", SYS_delete_module, 0, 0, 0, 0},
	{"kexec_load", SYS_kexec_load, 0, 1 << 20, 0, 0},
	{"kexec_file_load", SYS_kexec_file_load, -1, -1, 0, 0},
	{"reboot", SYS_reboot, 0, 0, 0, 0},
	{"setuid", SYS_setuid, 0, 0, 0, 0},
	{"setresuid", SYS_setresuid, -1, -1, -1, 0},
	{"setgid", SYS_setgid, 0, 0, 0, 0},
	{"setgroups", SYS_setgroups, 1 << 20, 0, 0, 0},
	{"capset", SYS_capset, 0, 0, 0, 0},
	{"chmod", SYS_chmod, 0, 0, 0, 0},
	{"fchownat", SYS_fchownat, -1, 0, 0, 0},
	{"mknod", SYS_mknod, 0, 0, 0, 0},
	{"symlink", SYS_symlink, 0, 0, 0, 0},
	{"link", SYS_link, 0, 0, 0, 0},
	{"settimeofday", SYS_settimeofday, 0, 0, 0, 0},
	{"clock_settime", SYS_clock_settime, -1, 0, 0, 0},
	{"sethostname", SYS_sethostname, 0, -1, 0, 0},
	{"keyctl", SYS_keyctl, -1, 0, 0, 0},
	{"perf_event_open", SYS_perf_event_open, 0, 0, -1, -1},
	{"userfaultfd", SYS_userfaultfd, -1, 0, 0, 0},
	{"io_uring_setup", SYS_io_uring_setup, 0, 0, 0, 0},
	{"memfd_create", SYS_memfd_create, 0, 0, 0, 0},
	{"open_by_handle_at", SYS_open_by_handle_at, -1, 0, 0, 0},
	{"ioctl", SYS_ioctl, -1, 0, 0, 0},
	{"ioctl: another program to a counter", SYS_ioctl, -1, PERF_EVENT_IOC_SET_BPF, 0, 0},
	{"bpf: load a program", SYS_bpf, BPF_PROG_LOAD, 0, 0, 0},
	{"bpf: make a map", SYS_bpf, BPF_MAP_CREATE, 0, 0, 0},
	{"bpf: pin", SYS_bpf, BPF_OBJ_PIN, 0, 0, 0},
	{"bpf: by id", SYS_bpf, BPF_MAP_GET_FD_BY_ID, 0, 0, 0},
	{"bpf: another command in the lower half", SYS_bpf, BPF_MAP_LOOKUP_ELEM | 1L << 32, 0, 0,
	 0},
	{"socket: inet", SYS_socket, AF_INET, SOCK_STREAM, 0, 0},
	{"socket: netlink", SYS_socket, AF_NETLINK, SOCK_RAW, 0, 0},
	{"socket: packet", SYS_socket, AF_PACKET, SOCK_RAW, 0, 0},
	{"socket: vsock", SYS_socket, AF_VSOCK, SOCK_STREAM, 0, 0},
	{"mmap: executable", SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS},
	{"mprotect: executable", SYS_mprotect, 0, 0, PROT_EXEC, 0},
	{"kill: another's process", SYS_kill, 1, 0, 0, 0},
	{"tgkill: another's thread", SYS_tgkill, 1, 1, 0, 0},
	{"prctl: seccomp", SYS_prctl, PR_SET_SECCOMP, 0, 0, 0},
	{"prctl: dumpable", SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0},
	{"prlimit: raise", SYS_prlimit64, 0, RLIMIT_NOFILE, -1, 0},
	{"setpriority", SYS_setpriority, PRIO_PROCESS, -1, 0, 0},
};
#define FORBIDDEN_NR ((int)(sizeof(forbidden) / sizeof(forbidden[0])))

/* The number, from 1, of the first that was not refused. */
static int tries_what_is_forbidden(void)
{
	if (privileges_filter())
		return 255;
	for (int i = 0; i < FORBIDDEN_NR; i++) {
		errno = 0;
		if (syscall(forbidden[i].nr, forbidden[i].a, forbidden[i].b, forbidden[i].c,
			    forbidden[i].d, 0L) != -1 ||
		    errno != EPERM)
			return i + 1;
	}
	return syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS ? 0 : 254;
}

static void refuses(void **state)
{
	int bad = in_child(tries_what_is_forbidden);

	(void)state;
	if (bad && bad <= FORBIDDEN_NR)
		fail_msg("%s was let through", forbidden[bad - 1].name);
	assert_int_equal(bad, 0);
}

static void *thread(void *arg)
{
	struct sched_param param = {.sched_priority = 0};

	pthread_setname_np(pthread_self(), "thread");
	if (!pthread_setschedparam(pthread_self(), SCHED_OTHER, &param))
		*(int *)arg = prctl(PR_GET_SECCOMP) == -1 && errno == EPERM;
	return NULL;
}

static char tree[64];

/* A record written the way incident records are: beside its name, synced, renamed. */
static bool writes_a_file(void)
{
	char from[96], to[96];
	int fd;

	snprintf(from, sizeof(from), "%s/new", tree);
	snprintf(to, sizeof(to), "%s/record", tree);
	fd = open(from, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd >= 0 && write(fd, "x", 1) == 1 && !fsync(fd) && !close(fd) && !rename(from, to) &&
	       !access(to, F_OK) && !unlink(to);
}

static int does_what_a_daemon_does(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC), fd, has = 0;
	cpu_set_t cpus;
	pthread_t t;

	if (privileges_filter())
		return 1;
	if (pthread_create(&t, NULL, thread, &has) || pthread_join(t, NULL) || !has)
		return 2;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ||
	    epoll_wait(epoll, &event, 1, 0) < 0)
		return 3;
	if (!writes_a_file())
		return 4;
	/* also under a libc that takes mmap for it */
	free(malloc(1 << 20));
	if (sched_getaffinity(0, sizeof(cpus), &cpus) || sched_setaffinity(0, sizeof(cpus), &cpus))
		return 5;
	/* the kernel's own answer, not the filter's */
	if (syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, NULL, 0) != -1 || errno == EPERM)
		return 6;
	if (kill(getpid(), 0) || raise(SIGCHLD) || eventfd(0, EFD_CLOEXEC) < 0)
		return 7;
	/* a socket has no such counter to start: its own answer */
	if (ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) != -1 || errno == EPERM)
		return 8;
	return 0;
}

static void lets_it_work(void **state)
{
	(void)state;
	tree_make(tree);
	assert_int_equal(in_child(does_what_a_daemon_does), 0);
	tree_free(tree);
}

/* A set of capabilities out of /proc/self/status, ~0 = not found. */
static unsigned long long status(const char *key)
{
	char line[256];
	unsigned long long value = ~0ULL;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			value = strtoull(line + strlen(key) + 1, NULL, 16);
	}
	if (f)
		fclose(f);
	return value;
}

static int drops(void)
{
	struct rlimit high = {RLIM_INFINITY, RLIM_INFINITY}, some = {99, 99};
	unsigned long long left = 0;

	/* a container may not raise its limits: then the capability has to stay */
	if (setrlimit(RLIMIT_MEMLOCK, &high))
		left |= 1ULL << CAP_IPC_LOCK;
	if (setrlimit(RLIMIT_RTPRIO, &some))
		left |= 1ULL << CAP_SYS_NICE;
	if (privileges_drop())
		return 1;
	if (status("CapEff") != left || status("CapPrm") != left || status("CapInh") ||
	    status("CapAmb"))
		return 2;
	if (status("CapBnd"))
		return 3;
	if (status("NoNewPrivs") != 1 || status("Seccomp") != 2)
		return 4;
	if (!left && (getrlimit(RLIMIT_RTPRIO, &some) || some.rlim_max != HEARTBEAT_PRIORITY))
		return 5;
	/* what a root without capabilities may not, whatever the filter thinks of it */
	return open("/proc/1/mem", O_RDWR) < 0 ? 0 : 6;
}

/* As a unit whose bounding set lacks what raising a limit or shrinking the set takes. */
static int drops_with_little(void)
{
	static const cap_value_t have[] = {CAP_SYS_NICE, CAP_IPC_LOCK, CAP_BPF};
	struct rlimit none = {0, 0};
	cap_t caps = cap_init();

	setrlimit(RLIMIT_MEMLOCK, &none);
	setrlimit(RLIMIT_RTPRIO, &none);
	if (!caps || cap_set_flag(caps, CAP_PERMITTED, 3, have, CAP_SET) ||
	    cap_set_flag(caps, CAP_EFFECTIVE, 3, have, CAP_SET) || cap_set_proc(caps))
		return 1;
	cap_free(caps);
	if (privileges_drop())
		return 2;
	return status("CapEff") == (1ULL << CAP_SYS_NICE | 1ULL << CAP_IPC_LOCK) &&
			       status("CapPrm") == status("CapEff") && status("NoNewPrivs") == 1
		       ? 0
		       : 3;
}

/* Nobody has nothing to give up, and gets the filter. */
static int drops_as_nobody(void)
{
	if (setgid(65534) || setuid(65534) || privileges_drop())
		return 1;
	return status("CapEff") || status("NoNewPrivs") != 1 || status("Seccomp") != 2 ? 2 : 0;
}

static void gives_up_everything(void **state)
{
	(void)state;
	if (getuid())
		skip();
	assert_int_equal(in_child(drops), 0);
}

static void keeps_what_no_limit_replaces(void **state)
{
	(void)state;
	if (getuid())
		skip();
	assert_int_equal(in_child(drops_with_little), 0);
	assert_int_equal(in_child(drops_as_nobody), 0);
}

/* A kernel that answers these calls with an error; what is below is not asked any more. */
static bool without(const int *calls, int error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool done = filter != NULL;

	for (; done && *calls; calls++)
		done = !seccomp_rule_add(filter, SCMP_ACT_ERRNO(error), *calls, 0);
	done = done && !seccomp_load(filter);
	seccomp_release(filter);
	return done;
}

/* Without seccomp the rest is given up all the same. */
static int drops_without_seccomp(void)
{
	if (!without((const int[]){SCMP_SYS(seccomp), 0}, EINVAL))
		return 1;
	if (!privileges_filter())
		return 2;
	if (privileges_drop())
		return 3;
	return status("CapBnd") || status("NoNewPrivs") != 1 ? 4 : 0;
}

/* A kernel, or a sandbox, that does not let it: then it does not run. */
static int cannot_drop(void)
{
	if (!without((const int[]){SCMP_SYS(capset), 0}, EPERM))
		return 1;
	return privileges_drop() == -EPERM ? 0 : 2;
}

static void with_less_than_it_wants(void **state)
{
	(void)state;
	if (getuid())
		skip();
	assert_int_equal(in_child(drops_without_seccomp), 0);
	assert_int_equal(in_child(cannot_drop), 0);
}

static void *waits(void *arg)
{
	char byte;

	return read(*(int *)arg, &byte, 1) < 0 ? arg : NULL;
}

static int drops_with_threads(void)
{
	int fd[2], err;
	pthread_t t;

	if (pipe(fd) || pthread_create(&t, NULL, waits, &fd[0]))
		return 1;
	err = privileges_drop();
	close(fd[1]);
	pthread_join(t, NULL);
	/* refused whole */
	return err == -EBUSY && !status("NoNewPrivs") ? 0 : 2;
}

static void refuses_to_leave_a_thread_behind(void **state)
{
	(void)state;
	assert_int_equal(in_child(drops_with_threads), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(lets_it_work),
		cmocka_unit_test(gives_up_everything),
		cmocka_unit_test(keeps_what_no_limit_replaces),
		cmocka_unit_test(with_less_than_it_wants),
		cmocka_unit_test(refuses_to_leave_a_thread_behind),
	};

	return cmocka_run_group_tests_name("privileges", tests, NULL, NULL);
}
