/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The knowledge base: everything that the mid and slow loops may change, with its meaning, range, risk and source
 * (homeostat-parameters(5)). What is not in it is not touched.
 */
#ifndef HOMEOSTAT_KB_H
#define HOMEOSTAT_KB_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define KB_FILE "/usr/share/homeostat/parameters.yaml"
#define KB_TEXT_MAX (256 * 1024)
#define KB_PARAMETERS_MAX 256
#define KB_MOVES_MAX 4
#define KB_RISK_MAX 10
#define KB_WATCH_NS 10000000000ULL /* where a parameter states none */
#define KB_WATCH_MAX_NS 60000000000ULL
#define KB_OBJECTS_LEN 64
#define KB_FILES_MAX 64 /* of one parameter: files that `*` may stand for */

/*
 * Who changes it: X(ID, name, how its path begins, meaning). A path may hold an object in braces, which stands for each of that
 * kind: KB_OBJECTS.
 */
#define KB_ACTUATORS(X)                                                                            \
	X(SYSCTL, "sysctl", "/proc/sys/", "a file of /proc/sys")                                   \
	X(SYSFS, "sysfs", "/sys/", "a file of /sys")                                               \
	X(IRQ, "irq", "/proc/irq/", "which CPUs a device's interrupt comes to")                    \
	X(ETHTOOL, "ethtool", "ethtool:",                                                          \
	  "a setting of a network card, by ethtool netlink: ethtool:{interface}/GROUP/MEMBER")     \
	X(QDISC, "qdisc", "",                                                                      \
	  "the queueing discipline at an interface's root; the path is its object, and nothing "   \
	  "changes it")                                                                            \
	X(CGROUP, "cgroup", "/sys/fs/cgroup/", "a file of a cgroup")                               \
	X(BOOT, "boot", "", "the kernel's command line; the path is the parameter's name there")

/* X(ID, name, what a path has in its place to look for one). */
#define KB_OBJECTS(X)                                                                              \
	X(CPU, "cpu", "cpu[0-9]*")                                                                 \
	X(IRQ, "irq", "[0-9]*")                                                                    \
	X(INTERFACE, "interface", "*")                                                             \
	X(QUEUE, "queue", "*")                                                                     \
	X(BLOCK, "block", "*")                                                                     \
	X(CGROUP, "cgroup", "*")                                                                   \
	X(PACKAGE, "package", "[0-9]")                                                             \
	X(SIZE, "size", "*")

/* Of what kind its values are: X(ID, name, meaning). */
#define KB_TYPES(X)                                                                                \
	X(NUMBER, "number", "a whole number")                                                      \
	X(NUMBERS, "numbers",                                                                      \
	  "some whole numbers, with blanks between them; each within the range")                   \
	X(SWITCH, "switch", "0 or 1")                                                              \
	X(CHOICE, "choice", "one of some words")                                                   \
	X(CPUS, "cpus", "a list of CPUs: 2-7,9")                                                   \
	X(MASK, "mask", "a set of CPUs as a number in hex: f, 00000001,ffffffff")                  \
	X(FLAG, "flag", "there, without a value, or not")

/* When it may be changed: X(ID, name, meaning). */
#define KB_TIMINGS(X)                                                                              \
	X(IMMEDIATE, "immediate", "at any time")                                                   \
	X(TASK, "task", "between two tasks of the application")                                    \
	X(IDLE, "idle", "while the host is idle")                                                  \
	X(MAINTENANCE, "maintenance", "in a maintenance window")                                   \
	X(REBOOT, "reboot", "with the next boot")

#define X(id, ...) KB_##id,
enum kb_actuator {
	KB_ACTUATORS(X) KB_ACTUATOR_NR
};
#undef X
#define X(id, ...) KB_TYPE_##id,
enum kb_type {
	KB_TYPES(X) KB_TYPE_NR
};
#undef X
#define X(id, ...) KB_TIMING_##id,
enum kb_timing {
	KB_TIMINGS(X) KB_TIMING_NR
};
#undef X

struct kb_word {
	const char *name, *begins, *meaning; /* begins: actuators only */
};
extern const struct kb_word kb_actuators[KB_ACTUATOR_NR];
extern const struct kb_word kb_types[KB_TYPE_NR];
extern const struct kb_word kb_timings[KB_TIMING_NR];

/* One end of a range, some of which depend on the machine. */
struct kb_bound {
	enum {
		KB_NONE,
		KB_PLAIN,
		KB_OF_MEMORY,
		KB_PER_CPU
	} kind;
	__u64 value; /* in the parameter's unit; OF_MEMORY: permille of it; PER_CPU: for each */
};

/* What of the machine ranges depend on. */
struct kb_machine {
	__u64 memory_bytes, cpus;
};

struct kb_move {
	__u32 vital; /* enum hs_vital_id */
	bool up;     /* it is meant to raise it */
};

/* Texts are those of the knowledge base, "" where one is not stated. */
struct kb_parameter {
	const char *name, *path, *meaning, *unit, *stock, *choices, *restart, *warning, *source;
	const char
		*among; /* name of a file beside it that lists the values that an object can have */
	enum kb_actuator actuator;
	enum kb_type type;
	enum kb_timing timing;
	unsigned int risk; /* 1: cannot hurt; 10: may cost the machine */
	bool netns;	   /* each network namespace has its own */
	bool report;	   /* is only ever looked at */
	bool cuts_off;	/* can cut the host off from the network: a change wants to be confirmed */
	__u64 watch_ns; /* its effect shows within that time */
	struct kb_bound min, max;
	struct kb_move move[KB_MOVES_MAX];
	unsigned int moves_nr;
	const char *needs, *conflicts; /* names of others, with blanks between them */
	unsigned int line;
};

struct kb {
	struct kb_parameter *parameter; /* in the order of the file */
	unsigned int nr;
	void *file; /* private: whose texts these are */
};

/*
 * Reads a knowledge base. Refused as a whole: 0, or negative errno with `error` filled: file, line, what is wrong, what was
 * expected. kb_free() what was read.
 */
int kb_load(struct kb *kb, const char *path, char *error, size_t error_size);
int kb_parse(struct kb *kb, const char *path, const char *text, size_t len, char *error,
	     size_t error_size);
void kb_free(struct kb *kb);

/* What one of a unit of memory has; 0: it is none. Pure. */
__u64 kb_unit_bytes(const char *unit);

/* By its name; NULL: there is none. */
const struct kb_parameter *kb_find(const struct kb *kb, const char *name);

/* A bound on that machine, in the parameter's unit. @bound is not KB_NONE. Pure. */
__u64 kb_bound(const struct kb_parameter *p, const struct kb_bound *bound,
	       const struct kb_machine *machine);

/*
 * May it have that value on that machine? 0, or -EINVAL (not a value of its type), -ERANGE (out of its range), with one clause
 * in `why`. Pure.
 */
int kb_value(const struct kb_parameter *p, const char *value, const struct kb_machine *machine,
	     char *why, size_t size);

/* Does a text with blanks between its words hold that one? Pure. */
bool kb_has_word(const char *words, const char *word);

/* Memory and CPUs below a root. 0 or negative errno. */
int kb_machine_read(struct kb_machine *machine, const char *root);

/*
 * The value that the first object of it has below a root, as the kernel shows it (of a choice the word in brackets). 0; -ENOENT: there
 * is none; -EOPNOTSUPP: it is no file; other negative errno.
 */
int kb_now(const struct kb_parameter *p, const char *root, char *buf, size_t size);

/* The same of one file, or card: 0 or negative errno. @path: kb_files() has it. */
int kb_read(const struct kb_parameter *p, const char *root, const char *path, char *buf,
	    size_t size);

/*
 * The values that the object of that file can have, by the kernel: words with blanks between them. Their length; -ENOENT: it does not
 * say, or the parameter has no such list; other negative errno, and "".
 */
int kb_among(const struct kb_parameter *p, const char *root, const char *path, char *buf,
	     size_t size);

/* Which objects of it a path from kb_files() stands for: "eth0,0"; "" where it has none. 0, or -EINVAL: it is no path of it. Pure. */
int kb_objects_of(const struct kb_parameter *p, const char *path, char list[KB_OBJECTS_LEN]);

/*
 * The files, or settings of cards, that "NAME" or "NAME[OBJECT,…]" stands for below a root: one call of @visit for each, in the order of their names, until it returns
 * other than 0, which is then returned. A file that is there by several names, as CPUs share a clock, is visited once, by the first. An object is what stands in the place of the braces of the path; `*` is each. How
 * many there are, or negative errno with one clause in `why`: -EINVAL (objects missing, too many, or none that may be), -ENOENT, -E2BIG,
 * -EOPNOTSUPP (it is no file).
 */
int kb_files(const struct kb_parameter *p, const char *objects, const char *root,
	     int (*visit)(void *ctx, const char *path), void *ctx, char *why, size_t size);

/* Are these as many objects as it has places, each a name that may be, or `*`? 0, or -EINVAL with one clause in `why`. Pure. */
int kb_check_objects(const struct kb_parameter *p, const char *objects, char *why, size_t size);

/* "NAME[OBJECTS]" → the parameter, and its objects ("" = none). NULL: no such, or ill formed, with one clause in `why`. */
const struct kb_parameter *kb_name(const struct kb *kb, const char *text,
				   char objects[KB_OBJECTS_LEN], char *why, size_t size);

/* Are two values of it the same, however they are written: 0-3 and 0,1,2,3; f and 0000000f? Pure. */
bool kb_same(const struct kb_parameter *p, const char *a, const char *b);

#endif
