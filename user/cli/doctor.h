/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * doctor: what can run on this machine, what cannot and why, and what would help.
 *
 * Each probe looks at one thing and adds findings. Whatever reads /proc, /sys or /boot goes through
 * doctor_read() and so takes the root path; the probes that ask the kernel itself (by loading a
 * program, never attaching it) run only where the root is the machine's own.
 */
#ifndef HOMEOSTAT_CLI_DOCTOR_H
#define HOMEOSTAT_CLI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_object;
struct btf;
struct json_object;

enum finding_state {
	FINDING_OK,
	FINDING_WARN, /* runs, but not as well as it could, or could not be found out */
	FINDING_OFF,  /* this family cannot run here */
};

struct doctor {
	const char *root;	      /* "" = the machine itself */
	const char *btf_path;	      /* given by the user; NULL = the root's own */
	const char *socket;	      /* control socket, below root */
	char release[128];	      /* of the kernel; "" = unknown */
	struct btf *btf;	      /* of the kernel; NULL = none found */
	struct json_object *findings; /* array of {state, family, reason, help} */
	unsigned int off;	      /* how many of them are FINDING_OFF */
	bool may_load;		      /* live, privileged, and no foreign BTF: programs are tried */
	bool sched_off;		      /* something found speaks against sched_ext */
};

/*
 * Prepares a doctor: reads the kernel's release and BTF. @root "" for the machine itself, @btf_path
 * and @socket as above; the strings must outlive it. Returns 0, -ENOMEM, or the error of reading
 * @btf_path (a missing BTF of the root itself is a finding, not an error).
 */
int doctor_open(struct doctor *d, const char *root, const char *btf_path, const char *socket);

/* Frees what doctor_open() and the probes made; safe on a zeroed struct. */
void doctor_close(struct doctor *d);

/* Runs every probe. @d->findings and @d->off hold the outcome. */
void doctor_examine(struct doctor *d);

/* Adds a finding. @help may be NULL or "": nothing would help, or nothing needs to. */
void doctor_add(struct doctor *d, enum finding_state state, const char *family, const char *help,
		const char *reason, ...) __attribute__((format(printf, 5, 6)));

/*
 * Reads a (short) text file below the root; trailing white space is cut, @buf is always terminated.
 * Returns the length, or a negative errno. A longer file is cut at @size - 1.
 */
int doctor_read(const struct doctor *d, const char *path, char *buf, size_t size);

/* true if @path exists below the root. */
bool doctor_exists(const struct doctor *d, const char *path);

/*
 * Value of CONFIG_@name in the kernel's configuration: 'y', 'm', 'n' (not set), or 0 if no
 * configuration is to be found.
 */
char doctor_config(const struct doctor *d, const char *name);

/* The probes, in the order of the report. */
void probe_kernel(struct doctor *d);	   /* release, BTF, JIT, PREEMPT_RT, lockdown */
void probe_capabilities(struct doctor *d); /* must run before the families */
void probe_cpus(struct doctor *d);	   /* isolcpus=, nohz_full */
void probe_cgroups(struct doctor *d);	   /* cpu.max, cpu.idle, memory limits */
void probe_sched_ext(struct doctor *d);	   /* class, kfuncs, other schedulers */
void probe_families(struct doctor *d);	   /* loads what may be loaded */
void probe_pmu(struct doctor *d);	   /* tries to open the processor's counters */
void probe_sense(struct doctor *d);	   /* what slow vital signs can be read */
void probe_nics(struct doctor *d);	   /* which ones steering is for */
void probe_beside(struct doctor *d);	   /* libxdp's dispatcher */
void probe_daemon(struct doctor *d);	   /* control socket */

/*
 * What BTF says of a kfunc. Since 7.0 a kfunc with an implicit argument (KF_IMPLICIT_ARGS: the
 * kernel passes the program's bpf_prog_aux by itself) has two prototypes: NAME without that
 * argument, for programs to call, and NAME_impl with it. Where the tool that makes them failed,
 * NAME still ends in `const struct bpf_prog_aux *` and NAME_impl is missing: no program that calls
 * NAME loads. (An argument called …__prog is the older, explicit way and is fine.)
 */
enum kfunc_state {
	KFUNC_WHOLE,
	KFUNC_BROKEN,
	KFUNC_ABSENT
};
enum kfunc_state kfunc_state(const struct btf *kernel, const char *name);

/*
 * Calls @cb for each kfunc of sched_ext (scx_bpf_*, bpf_iter_scx_dsq_*) that an object calls, by its
 * BTF. Stops at and returns the first non-zero result of @cb.
 */
int kfuncs_needed(const struct btf *object, int (*cb)(const char *name, void *ctx), void *ctx);

/*
 * Number of kfuncs of sched_ext that are broken in @kernel. Their names, with ", " between, go to
 * @list (cut with "…" if @size is too small) unless @list is NULL.
 */
unsigned int kfuncs_broken(const struct btf *kernel, char *list, size_t size);

/* The same among those that @object needs. */
unsigned int kfuncs_broken_needed(const struct btf *kernel, const struct btf *object, char *list,
				  size_t size);

/* BTF of our own kernel object; NULL with errno set on failure. The caller frees it (btf__free). */
struct btf *own_btf(void);

/* Loads what takes a place in libxdp's dispatcher, attaches nothing. 0, or negative errno and `why`. */
int try_component(char *why, size_t size);

/*
 * Loads our pulse, which nobody starts: what a policy is held against where homeostatd is not asked. Its descriptor, which is
 * *obj's; bpf_object__close(*obj). Or negative errno and why.
 */
int try_pulse(struct bpf_object **obj, char *why, size_t size);

#endif
