// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostatd: command line. Exit codes: 0 fine, 1 failed, 2 wrong usage or not root. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "guard_link.h"
#include "log.h"
#include "names.h"
#include "parse.h"
#include "statedir.h"
#include "supervise.h"
#include "version.h"

/* One table for parsing and help. */
static const struct option_info {
	char letter;
	const char *name;
	const char *argument; /* NULL = none */
	const char *help;
} infos[] = {
	{'p', "profile", "FILE", "profile to run; without it everything stays at stock"},
	{'m', "mode", "MODE", "observe (default), advise or act"},
	{'M', "manifest", "FILE",
	 "certified mode: acts by what `homeostat certify` wrote, or not at all"},
	{'k', "kb", "FILE", "what may be changed beside what runs in the kernel (" KB_FILE ")"},
	{'s', "socket", "PATH", "control socket (" CONTROL_SOCKET ")"},
	{'d', "state", "DIR", "where incident records are kept (" STATE_DIR ")"},
	{'v', "variant", "FILE",
	 "the scheduler with the decision points of `homeostat policy link`"},
	{'r', "root", "DIR", "read /proc and /sys below DIR (tests)"},
	{'l', "log", "LEVEL", "error, warn, info (default) or debug"},
	{'S', "supervise", NULL, "run under homeostat-guard, again after a failure (no systemd)"},
	{'g', "guard-fd", "N", "socket to homeostat-guard, which gives it"},
	{'c', "check", NULL, "check the profile, touch nothing, and exit"},
	{'L', "leave", NULL,
	 "take off XDP programs that dead ones have left beside others, and exit"},
	{'f', "foreground", NULL, "stay in the foreground (it always does)"},
	{'h', "help", NULL, "this text"},
	{'V', "version", NULL, "version of program and interface"},
};
#define INFOS_NR (sizeof(infos) / sizeof(infos[0]))

static void help(FILE *out)
{
	fprintf(out, "Usage: homeostatd [OPTION…]\n\n"
		     "Keeps this host in balance; looks only, unless told to act.\n\n");
	for (size_t i = 0; i < INFOS_NR; i++) {
		char left[40];

		snprintf(left, sizeof(left), "--%s%s%s", infos[i].name,
			 infos[i].argument ? " " : "", infos[i].argument ? infos[i].argument : "");
		fprintf(out, "  -%c, %-20s %s\n", infos[i].letter, left, infos[i].help);
	}
	fprintf(out, "\nSIGHUP loads the profile again; SIGTERM and SIGINT disarm and end.\n"
		     "Exit: 0 fine, 1 failed, 2 wrong usage or not root. See homeostatd(8).\n");
}

static int usage(const char *problem, const char *what)
{
	fprintf(stderr, "homeostatd: %s '%s'; see homeostatd --help\n", problem, what);
	return 2;
}

/* Returns -1 to go on, or the exit code. */
static int take_option(struct options *opt, int letter, const char *argument)
{
	__u64 number;
	int found;

	switch (letter) {
	case 'p':
		opt->profile = argument;
		return -1;
	case 'm':
		found = mode_find(argument);
		if (found < 0)
			return usage("unknown mode", argument);
		opt->mode = (enum hs_mode)found;
		opt->mode_named = true;
		return -1;
	case 'M':
		opt->manifest = argument;
		return -1;
	case 'k':
		opt->kb = argument;
		opt->kb_named = true;
		return -1;
	case 's':
		opt->socket = argument;
		return -1;
	case 'd':
		opt->state = argument;
		return -1;
	case 'v':
		opt->variant = argument;
		return -1;
	case 'r':
		opt->root = argument;
		return -1;
	case 'l':
		found = log_level_find(argument);
		if (found < 0)
			return usage("unknown log level", argument);
		log_set_level((enum log_level)found);
		return -1;
	case 'S':
		opt->supervise = true;
		return -1;
	case 'g':
		if (parse_u64_max(argument, INT_MAX, &number) || guard_take((int)number))
			return usage("not a guard's socket", argument);
		opt->guard_fd = (int)number;
		return -1;
	case 'c':
		opt->check = true;
		return -1;
	case 'L':
		opt->leave = true;
		return -1;
	case 'f':
		return -1;
	case 'h':
		help(stdout);
		return 0;
	case 'V':
		printf("homeostatd %s, interface %d\n", HS_VERSION, HS_ABI_VERSION);
		return 0;
	default:
		fprintf(stderr, "see homeostatd --help\n");
		return 2;
	}
}

static int take_options(struct options *opt, int argc, char **argv)
{
	struct option longs[INFOS_NR + 1] = {0};
	char shorts[2 * INFOS_NR + 1] = "";
	int letter, code;

	for (size_t i = 0; i < INFOS_NR; i++) {
		size_t len = strlen(shorts);

		longs[i] = (struct option){.name = infos[i].name,
					   .has_arg = infos[i].argument ? required_argument
									: no_argument,
					   .val = infos[i].letter};
		shorts[len++] = infos[i].letter;
		if (infos[i].argument)
			shorts[len++] = ':';
		shorts[len] = '\0';
	}
	while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		code = take_option(opt, letter, optarg);
		if (code >= 0)
			return code;
	}
	return optind < argc ? usage("unexpected argument", argv[optind]) : -1;
}

static int check(const struct options *opt)
{
	struct profile profile;
	char error[512], warning[PROFILE_WARNING_LEN];

	if (!opt->profile)
		return usage("nothing to check without", "--profile");
	if (profile_load(&profile, opt->profile, error, sizeof(error))) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	printf("%s: profile %s: fine (%u rules, %u workloads)\n", opt->profile, profile.name,
	       profile.config.rules_nr, profile.workload_nr);
	if (profile_warning(&profile, warning, sizeof(warning)))
		fprintf(stderr, "%s: warning: %s\n", opt->profile, warning);
	profile_free(&profile);
	return 0;
}

int main(int argc, char **argv)
{
	static struct homeostatd d; /* large, and one */
	struct options opt = {.socket = CONTROL_SOCKET,
			      .kb = KB_FILE,
			      .state = STATE_DIR,
			      .root = "",
			      .mode = HS_MODE_OBSERVE,
			      .guard_fd = -1};
	char path[PATH_MAX];
	int code = take_options(&opt, argc, argv), err;

	if (code >= 0)
		return code;
	/* a reload follows the links as they are then */
	if (opt.profile && !path_absolute(path, sizeof(path), opt.profile))
		opt.profile = path;
	if (opt.check)
		return check(&opt);
	if (geteuid()) { /* as wrong usage: whoever starts us again after a failure need not try */
		fprintf(stderr, "homeostatd: needs root: it loads programs into the kernel; only "
				"--check, --help and --version do without\n");
		return 2;
	}
	if (opt.leave)
		return usher_clean() ? 1 : 0;
	if (opt.supervise && opt.guard_fd < 0)
		return supervise_self(&opt, argc, argv);
	err = daemon_start(&d, &opt);
	if (!err)
		err = daemon_run(&d);
	daemon_stop(&d);
	return err ? 1 : 0;
}
