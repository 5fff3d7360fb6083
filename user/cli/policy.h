/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The verbs of `homeostat policy`, by their table in policy.c. Each takes the arguments after its name; returns the exit code. */
#ifndef HOMEOSTAT_CLI_POLICY_H
#define HOMEOSTAT_CLI_POLICY_H

#include <limits.h>
#include <stddef.h>

struct cli;
struct plugin;

/* Where the headers of policies are; the build says where they will be installed. */
#ifndef HS_INCLUDE
#define HS_INCLUDE "/usr/include"
#endif

/* Where our kernel programs are, to be linked to variants of the scheduler. */
#ifndef HS_LIB
#define HS_LIB "/usr/lib/homeostat"
#endif

/* policy_build.c */
int policy_new(struct cli *cli, int argc, char **argv);
int policy_build(struct cli *cli, int argc, char **argv);

/* Are the headers below @include? CLI_OK or, told, CLI_FAILED. */
int policy_headers(struct cli *cli, const char *include);

/* Compiles a source in C to a BPF object; @define: -DNAME=VALUE, or NULL. CLI_OK or, told, CLI_FAILED. */
int policy_compile(struct cli *cli, const char *include, const char *define, const char *source,
		   const char *object);

/*
 * policy_output.c: what is made becomes the file `target` when it is whole and has been judged; what stood there stays otherwise.
 * Both: CLI_OK or, told, CLI_FAILED. A target that is there has to be a regular file.
 */
struct policy_output {
	const char *target;    /* the caller's */
	char dir[PATH_MAX];    /* private, beside the target */
	char object[PATH_MAX]; /* to be written: in that directory, by the name of the target */
};
int policy_output_begin(struct cli *cli, struct policy_output *o, const char *target);

/* If @rc is CLI_OK the object takes its place; else @rc is returned. Nothing else stays in either case. */
int policy_output_end(struct cli *cli, struct policy_output *o, int rc);

/* policy_link.c */
int policy_link(struct cli *cli, int argc, char **argv);

/* policy_check.c */
int policy_check(struct cli *cli, int argc, char **argv);

/* policy_slots.c */
#define POLICY_DIR HS_LIB "/policies" /* those that come with homeostat */
int policy_load(struct cli *cli, int argc, char **argv);
int policy_unload(struct cli *cli, int argc, char **argv);
int policy_list(struct cli *cli, int argc, char **argv);
int policy_show(struct cli *cli, int argc, char **argv);

/* policy_replay.c */
int policy_replay(struct cli *cli, int argc, char **argv);

/* The exit code for an object that plugin_open() or plugin_load() has not taken, with that errno. */
int policy_failed(const struct plugin *p, int err);

#endif
