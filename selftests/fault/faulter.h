/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The fault campaign's program in the guest: starts homeostat, does the deed of a row at a phase of
 * its own, watches from outside and above (SCHED_FIFO, locked memory), clears away, and says in one
 * line of JSON what it saw. Then the next trial. Four hogs and a witness run all the time.
 */
#ifndef HOMEOSTAT_FAULTER_H
#define HOMEOSTAT_FAULTER_H

#include "../lab/load/load.h"
#include "abi.h"

#define NS_PER_MS 1000000ULL
#define NS_PER_US 1000ULL
#define RUN_DIR "/run/homeostat"
#define SOCKET RUN_DIR "/control.sock"
#define CGROUP "/sys/fs/cgroup/fault"
#define FAULT_DIR "/tmp/fault" /* scratch of ours */
#define DAEMON_LOG FAULT_DIR "/log"
#define PATIENCE_NS (20 * NS_PER_S) /* for whatever must happen */

/* ---- crowd.c: those who must not suffer ---- */

#define HOGS 4
#define CROWD (HOGS + 1) /* and the witness, who sleeps and wakes */

void crowd_start(void);
/* The hogs stand still, or go on. */
void crowd_rest(bool rest);
/* The hogs run on that CPU alone from now on; -1 = anywhere. */
void crowd_stay(int cpu);
/* From here on absences count. */
void crowd_mark(void);
/* Longest time since the mark that one of them did not run though it wanted to, ns. */
uint64_t crowd_stall(void);
uint64_t crowd_least_work(void);
/* How many are still there. */
unsigned int crowd_alive(void);
/* Has this child of ours ended? Then it is one of the crowd: true. */
bool crowd_lost(pid_t pid);

/* ---- leftovers.c: what should be as before ---- */

struct leftovers {
	uint32_t links, maps, progs, ops; /* in the kernel; ops: struct_ops maps */
	uint32_t qdiscs;
	uint32_t sockets; /* open ones, of ours */
	uint32_t files;	  /* in the runtime directory, other than documented */
	uint32_t procs;	  /* of homeostat */
};

void leftovers_count(struct leftovers *l);
/* `now` less `before`, nothing below 0. */
struct leftovers leftovers_since(const struct leftovers *now, const struct leftovers *before);
/* In the kernel: what is freed some time after the last reference. */
bool leftovers_kernel(const struct leftovers *l);
/* … or anything else. */
bool leftovers_any(const struct leftovers *l);

/*
 * A value of /proc/sys that homeostat, so says the undo table, has changed and not committed. The change
 * is ours, made with homeostat's own code: what puts it back need not know.
 */
void value_note(void);
const char *value_change(void);
bool value_is_back(void);

/* ---- kmsg.c ---- */

void kmsg_open(void);
/* New lines of the kernel's that it should not have said; the first of them in `first`. */
unsigned int kmsg_warnings(char *first, size_t size);

/* ---- trace.c ---- */

struct traced {
	uint64_t bypass_ns;   /* sched_ext took over from its scheduler; 0 = not seen */
	uint64_t disabled_ns; /* … and had disabled it */
	uint64_t victim_ns;   /* the OOM killer chose */
};

void trace_open(void);
/* Takes what has come and fills in the first of each kind that is not before `since`. */
void trace_take(struct traced *t, uint64_t since);

/* ---- subject.c: homeostat, as one may see it from outside ---- */

struct subject {
	char **command;		       /* starts it */
	bool guarded;		       /* by homeostat-guard */
	pid_t top;		       /* the process that we started */
	pid_t daemon;		       /* same, where it is not guarded */
	pid_t guard, restorer, scribe; /* 0 = none */
	int top_pidfd;
	volatile struct hs_gate *gate; /* mapped; NULL = not found */
};

/* Starts it. subject_await() waits until it is armed; NULL, or what went wrong. */
void subject_start(struct subject *s);
const char *subject_await(struct subject *s);
/* Until the gate is there (not: open). NULL, or what went wrong. */
const char *subject_await_gate(struct subject *s);
/* Loads a policy plug-in, that acts. NULL, or what went wrong. */
const char *subject_policy(const char *object);
/* Unmaps the gate, kills what is left, waits until all is gone. */
void subject_clear(struct subject *s);
/* Asks it to end, as an operator does. */
void subject_stop(struct subject *s);
/* Maps the newest map of that name in the kernel, for reading and writing; NULL = there is none. */
void *subject_map(const char *name, size_t size);
bool subject_top_gone(const struct subject *s);

/* Connects to the control socket. -1: nobody there. */
int control_open(void);
void control_send(int fd, const char *json);
/* One request; its answer has "ok":true. */
bool control_ask(const char *json);

/* Is sched_ext's state that? */
bool scx_is(const char *state);
/* The running scheduler is called that. */
bool scx_named(const char *name);

/* A file's number or first word; "" when it cannot be read. */
void file_read(const char *path, char *buf, size_t size);
bool file_write(const char *path, const char *text);
uint64_t file_number(const char *path);
/* A member of a file of lines "name number", e.g. memory.events. */
uint64_t file_member(const char *path, const char *name);

/* ---- rows*.c: the deeds ---- */

/* What a row must end in. */
enum expect {
	EXPECT_STOCK,	/* the daemon is dead, hung or mute: stock within limit + 5 ms */
	EXPECT_GATE,	/* the same, judged by the gate: nobody of ours gets the CPU */
	EXPECT_TRIP,	/* tripped by a store: 20 us, 5 ms; the daemon lives and arms again */
	EXPECT_ARMED,	/* nothing happens: still armed, still answering */
	EXPECT_SAFE,	/* armed or stock, both are right; nobody suffers */
	EXPECT_REFUSAL, /* it never armed, said why, and took nothing from anybody */
};

struct trial {
	struct subject *subject;
	uint64_t number;   /* in the row, over all boots */
	uint64_t phase_ns; /* from armed and settled to the deed */
	int fd;		   /* the row's own */
	uint64_t count;	   /* … */
	uint64_t start_ns; /* from start, or the order to arm, to armed */
	uint64_t t0;
	struct traced traced;
	uint64_t detect_ns, safe_ns, off_ns, disabled_ns,
		restored_ns; /* absolute; 0 = did not come */
	uint64_t ours_ns;    /* rows_net.c: the last that was answered by our rules */
	uint32_t reason;
	const char *wrong; /* NULL = as it should be */
};

struct row {
	const char *name;
	enum expect expect;
	const char *(*prepare)(struct trial *t); /* before the phase; what went wrong, or NULL */
	uint64_t (*deed)(struct trial *t);	 /* its time */
	const char *(*after)(struct trial *t);	 /* puts its own things back; may judge */
	unsigned int last_ms;			 /* how long it is watched, where nothing ends it */
	bool reuse;				 /* the daemon survives: next trial with it */
	bool lives;   /* the daemon does, and puts back itself what was changed */
	bool restart; /* only the next start puts back what was changed */
	bool alone;   /* the row starts homeostat itself, in its deed */
};

const struct row *row_find(const char *name);
void rows_list(void);

extern const struct row rows_dead[], rows_bad[], rows_net[]; /* name NULL ends them */

/* ---- other.c: another scheduler ---- */

/* In a process of its own: loads and attaches it. 0 or the error; *pid is the process, if it attached. */
int other_start(pid_t *pid);
void other_stop(pid_t pid);

/* ---- helpers.c ---- */

/* An ordinary process that does something; it must not return. */
pid_t helper_fork(void);
/* A process (0 = this one) runs there alone; -1 = anywhere. */
void stay_on(pid_t pid, int cpu);
/* Kills one, or waits for its end; true = it ended with 0. */
bool helper_end(pid_t pid, int sig);
/* One page that helpers share with us. */
extern volatile uint64_t *shared;

/* Main program of a fork bomb (see rows_bad.c). */
int bomb_main(void);

static inline uint32_t load32(const volatile uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

#endif
