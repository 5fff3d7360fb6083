/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat-sense: the process that reads the slow vital signs of the machine, HS_MACHINE_VITALS, from /proc and /sys. Each sensor
 * is a function that reads files below the root and enters what it found; what it does not enter is absent, never 0.
 *
 * Why a process. A file of /sys may be slow, or never be read to its end: behind it are firmware, I2C, a drive. It must not keep the
 * daemon's main loop waiting, and what parses dozens of files need not be in the process that holds the kernel's programs.
 * Which sensor is read when, and what is stale, is the daemon's business (user/daemon/sensing.h).
 *
 * Reading allocates nothing; the directories in which there are objects to be read (zones, cards, drives) are gone through once
 * a minute.
 */
#ifndef HOMEOSTAT_SENSE_H
#define HOMEOSTAT_SENSE_H

#include "message.h"

#define SENSE_OBJECTS 128	     /* of a kind; those beyond are not looked at */
#define SENSE_NAME 40		     /* what has a longer name is not looked at either */
#define SENSE_TEXT (16 * 1024)	     /* of one file */
#define SENSE_FIND_NS 60000000000ULL /* objects come and go */

/* A number that only grows, as last read. */
struct sense_counter {
	__u64 last;
	bool known;
};

/* One file or directory of several of the same kind. */
struct sense_object {
	char name[SENSE_NAME];
	struct sense_counter counter[3]; /* what they count is the sensor's business */
	__u64 limit;			 /* likewise */
	bool seen;
};
struct sense_set {
	struct sense_object object[SENSE_OBJECTS];
	__u32 nr;
	__u64 found_ns; /* 0 = never looked for */
};

/* A vital sign, as last read. */
struct sense_value {
	__u64 value;
	bool present, estimated;
};

#define SENSE_HEAT 16 /* readings of the hottest spot over which its slope is taken */

/* Zeroed, then sense_open(). Large: one per process. */
struct sense {
	/* what all sensors use */
	const char *root;
	__u64 (*clock)(void); /* CLOCK_MONOTONIC, ns */
	__u64 now_ns;	      /* of this reading */
	__u64 span_ms;	      /* since this sensor was last read; 0 = never */
	__u64 instructions;   /* of programs, so far … */
	bool whole;	      /* … on all CPUs */
	char text[SENSE_TEXT];
	/* private to sense.c */
	struct sense_value vital[SENSE_LAST + 1 - SENSE_FIRST];
	__u64 read_ns[SENSE_SENSORS]; /* last time with news; 0 = never */
	/* private to the sensors */
	struct {
		struct sense_counter field[8], work;
		struct sense_set clocks, capacities;
		__u64 work_us; /* CPU time of programs, in time of the strongest CPU */
	} cpu;
	struct {
		struct sense_counter swap, refaults, oom_kills, numa_hit, numa_miss;
		__u64 oom_total;
	} memory;
	struct {
		struct sense_set cards;
		__u64 errors_total, sent_bytes;
	} net;
	struct {
		struct sense_set zones, chips;
		__u64 mc[SENSE_HEAT], at_ns[SENSE_HEAT];
		__u32 readings;
	} thermal;
	struct {
		struct sense_set packages, supplies, meters;
		__u64 package_uj, machine_uj;
		struct sense_counter package, machine, work, bytes, instructions;
	} power;
	struct {
		struct sense_set cpus, memories, roots, links, drives;
		__u64 throttles, corrected, uncorrected, correctable, uncorrectable;
	} hardware;
	struct {
		struct sense_set devices;
		__u64 errors;
	} ib;
};

/* ---- process.c, and what it uses of sense.c ---- */

/* Prepares a zeroed @s. @root: "" or a tree of files; it must outlive @s. */
void sense_open(struct sense *s, const char *root);

/* Reads a sensor, and says what it found. */
void sense_read(struct sense *s, __u32 sensor, struct sense_reading *r);

/* Takes one request and answers it. 0; else there will be no more, or it made no sense: negative errno. */
int sense_answer(struct sense *s, int fd);

/* ---- sense.c: for the sensors ---- */

/* Enters a measurement, also one that is an estimate; the share of @part in @whole, permille, if there is a whole. */
void sense_enter(struct sense *s, enum hs_vital_id id, __u64 value);
void sense_estimate(struct sense *s, enum hs_vital_id id, __u64 value);
void sense_share(struct sense *s, enum hs_vital_id id, __u64 part, __u64 whole);

/* Was there something to enter when it was last read? */
bool sense_present(const struct sense *s, enum hs_vital_id id);

/* How much a counter has grown since it was last given. false: not known, as it is the first time, or was set back. */
bool sense_increase(struct sense_counter *counter, __u64 value, __u64 *delta);

/* Enters how much a counter has grown in a second, if that is known. */
void sense_rate(struct sense *s, enum hs_vital_id id, struct sense_counter *counter, __u64 value);

/* A file below the root that holds one number: 0, or negative errno (-EINVAL: something else stands there). */
int sense_number(const struct sense *s, __u64 *value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int sense_signed(const struct sense *s, __s64 *value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Does a file below the root say exactly this? */
bool sense_says(const struct sense *s, const char *word, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Reads a file into s->text; of one that is larger only the beginning is there. 0 or negative errno. */
int sense_text(struct sense *s, const char *path);

/* The number behind @key ("MemFree:", "pswpin") at the beginning of a line of @text. 0, -ENOENT or -EINVAL. */
int sense_key(const char *text, const char *key, __u64 *value);

/*
 * Looks once a minute for the entries of directory @dir whose names begin with @prefix and that @fits (NULL: all), which may
 * note something in the object. Those that were there before keep their counters. It allocates for as long as it looks.
 */
void sense_find(struct sense *s, struct sense_set *set, const char *dir, const char *prefix,
		bool (*fits)(struct sense *s, struct sense_object *object));

/* ---- the sensors; what they read stands in front of each ---- */
int sense_cpu_time(struct sense *s);
int sense_cpu_clock(struct sense *s);
int sense_memory(struct sense *s);
int sense_listen(struct sense *s);
int sense_cards(struct sense *s);
int sense_thermal(struct sense *s);
int sense_package(struct sense *s);
int sense_supply(struct sense *s);
int sense_energy(struct sense *s);
int sense_hardware(struct sense *s);
int sense_infiniband(struct sense *s);

#endif
